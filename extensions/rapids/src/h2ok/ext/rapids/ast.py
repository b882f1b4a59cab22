"""The typed tree of an expression, as the parser makes it. Nodes are immutable and know their position in the text."""

from __future__ import annotations

from dataclasses import dataclass, field

from h2ok.ext.rapids.values import Numbers, format_number

__all__ = ["Ast", "Call", "Func", "Ident", "NumberLit", "NumbersLit", "StrLit", "StrsLit"]


@dataclass(frozen=True, slots=True)
class NumberLit:
    """A number; an int where no double holds it."""

    value: float
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return format_number(self.value)


@dataclass(frozen=True, slots=True, eq=False)
class NumbersLit:
    """A list of numbers and ranges."""

    value: Numbers
    position: int = 0

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True)
class StrLit:
    """A text."""

    value: str
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return quote(self.value)


@dataclass(frozen=True, slots=True)
class StrsLit:
    """A list of texts."""

    value: tuple[str, ...]
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return "[" + " ".join(map(quote, self.value)) + "]"


@dataclass(frozen=True, slots=True)
class Ident:
    """A name: a parameter, a constant, a key or a primitive."""

    name: str
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """``(head args...)``; ``items[0]`` is the head. An empty application has no items."""

    items: tuple[Ast, ...]
    position: int = 0

    def __str__(self) -> str:
        # H2O: every item is followed by a blank but the head's own is shared.
        return "(" + "".join(f"{i} " for i in self.items) + ")"


@dataclass(frozen=True, slots=True, eq=False)
class Func:
    """``{ params . body }``"""

    params: tuple[str, ...]
    body: Ast
    position: int = 0

    def __str__(self) -> str:
        return "{ " + "".join(f"{p} " for p in self.params) + f". {self.body}" + "}"


Ast = NumberLit | NumbersLit | StrLit | StrsLit | Ident | Call | Func


def quote(text: str) -> str:
    """A text as a double-quoted literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
