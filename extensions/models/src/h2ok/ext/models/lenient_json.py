"""JSON as the clients send it in dictionaries of a grid search: words need no quotes."""

from __future__ import annotations

from typing import Any

from h2ok.kernel import IllegalArgumentError

__all__ = ["parse_lenient"]

#: Nested lists and maps a request may hold.
_MAX_DEPTH = 32


def parse_lenient(text: str) -> Any:
    """JSON whose words need no quotes, as the clients send it: ``{"strategy": RandomDiscrete, "max_models": 3}``.

    Raises
    ------
    IllegalArgumentError
        The text ends early or goes on after the value.
    """
    value, at = _value(text, _blank(text, 0), 0)
    if _blank(text, at) != len(text):
        raise IllegalArgumentError(f"Unexpected text after position {at} of {text!r}; a JSON value was expected.")
    return value


def _blank(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    if at >= len(text):
        raise IllegalArgumentError(f"Unexpected end of {text!r}; a JSON value was expected.")
    if text[at] in "{[":
        return _group(text, at, depth + 1)
    if text[at] in "\"'":
        end = at + 1
        while end < len(text) and text[end] != text[at]:
            end += 2 if text[end] == "\\" else 1
        return text[at + 1 : end].replace("\\" + text[at], text[at]).replace("\\\\", "\\"), end + 1
    if text[at] in ":]}":
        raise IllegalArgumentError(f"A value was expected in place of '{text[at]}' at position {at} of {text!r}.")
    end = at
    while end < len(text) and text[end] not in ",:]}":
        end += 1
    return _word(text[at:end].strip()), end


def _group(text: str, at: int, depth: int) -> tuple[Any, int]:
    if depth > _MAX_DEPTH:
        raise IllegalArgumentError(f"The value is nested deeper than {_MAX_DEPTH} levels.")
    is_map, close = text[at] == "{", "}" if text[at] == "{" else "]"
    found: dict[str, Any] = {}
    items: list[Any] = []
    at = _blank(text, at + 1)
    while at < len(text) and text[at] != close:
        value, at = _value(text, at, depth)
        at = _blank(text, at)
        if is_map:
            if at >= len(text) or text[at] != ":":
                raise IllegalArgumentError(f"A ':' was expected at position {at} of {text!r}.")
            found[str(value)], at = _value(text, _blank(text, at + 1), depth)
            at = _blank(text, at)
        else:
            items.append(value)
        if at < len(text) and text[at] == ",":
            at = _blank(text, at + 1)
    if at >= len(text):
        raise IllegalArgumentError(f"'{close}' is missing at the end of {text!r}.")
    return (found if is_map else items), at + 1


def _word(word: str) -> Any:
    plain = {"true": True, "false": False, "null": None, "none": None, "": None}
    if word.lower() in plain:
        return plain[word.lower()]
    try:
        return int(word)
    except ValueError:
        pass
    try:
        return float(word)
    except ValueError:
        pass
    if any(c in "(){}[]'\"" for c in word):
        raise IllegalArgumentError(f"{word!r} is no JSON value; write text in quotes.")
    return word
