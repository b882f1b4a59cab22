"""Regular expressions of clients: written for Java, run by Python, bounded."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

from h2ok.capabilities.contracts.errors import BadRequestError

__all__ = ["check_replacement", "compile_pattern", "expand_replacement", "java_split"]

#: Characters of a pattern.
MAX_PATTERN = 2000
_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0b\f\r",
    "Blank": r" \t",
    "XDigit": "0-9a-fA-F",
}


@functools.lru_cache(maxsize=256)
def compile_pattern(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """The compiled pattern.

    Raises
    ------
    BadRequestError
        It is malformed, too long, or repeats a repeat (which may take for ever on some texts).
    """
    if len(pattern) > MAX_PATTERN:
        raise BadRequestError(f"The pattern has {len(pattern)} characters; at most {MAX_PATTERN} are allowed.")
    text = re.sub(r"(\[[^\]]*)?\\p\{(\w+)\}", _posix_class, pattern)
    try:
        compiled = re.compile(text, re.IGNORECASE if ignore_case else 0)
        tree = re._parser.parse(text)  # type: ignore[attr-defined]
    except (re.error, OverflowError, RecursionError) as e:
        raise BadRequestError(f"'{pattern}' is no regular expression: {e}.") from e
    # SECURITY: (a+)+ and its like need exponential time on texts that do not match.
    if _repeats_nest(tree, inside=False):
        raise BadRequestError(
            f"The pattern '{pattern}' repeats a group that itself repeats without bound; write it without nesting."
        )
    return compiled


def _posix_class(m: re.Match[str]) -> str:
    before, name = m.group(1) or "", m.group(2)
    inner = _POSIX.get(name)
    if inner is None:
        return m.group(0)
    return before + (inner if before else f"[{inner}]")


def _repeats_nest(tree: Iterable[Any], *, inside: bool) -> bool:
    for op, value in tree:
        name = str(op)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            _, high, body = value
            unbounded = high is re._constants.MAXREPEAT or int(high) > 1000  # type: ignore[attr-defined]
            if (unbounded and inside) or _repeats_nest(body, inside=inside or unbounded):
                return True
        elif name == "SUBPATTERN":
            if _repeats_nest(value[-1], inside=inside):
                return True
        elif name == "BRANCH" and any(_repeats_nest(b, inside=inside) for b in value[1]):
            return True
    return False


def expand_replacement(text: str) -> str:
    """Java's replacement text as Python's: ``$1`` and ``${name}`` are groups, a backslash takes the next character as it is."""
    out: list[str] = []
    i = 0
    while i < len(text):
        c = text[i]
        if c == "\\" and i + 1 < len(text):
            out.append(text[i + 1].replace("\\", r"\\"))
            i += 2
        elif c == "$" and (m := re.match(r"\$(\d)|\$\{(\w+)\}", text[i:])):
            out.append(rf"\g<{m.group(1) or m.group(2)}>")
            i += m.end()
        else:
            out.append(c)
            i += 1
    return "".join(out)


def check_replacement(pattern: re.Pattern[str], replacement: str) -> None:
    """Raise BadRequestError when an expanded replacement names a group that the pattern has not."""
    try:
        pattern.sub(replacement, "")
    except (re.error, IndexError) as e:
        raise BadRequestError(f"The replacement does not fit the pattern '{pattern.pattern}': {e}.") from e


def java_split(pattern: re.Pattern[str], text: str) -> list[str]:
    """The parts of a text as Java's split gives them: no empty parts at the end, none before a match of no width at the start."""
    if not text:
        return [""]
    parts: list[str] = []
    at = 0
    for m in pattern.finditer(text):
        if m.end() == 0 or (m.start() == m.end() == len(text)):
            continue
        parts.append(text[at : m.start()])
        at = m.end()
    parts.append(text[at:])
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts
