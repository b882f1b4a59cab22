"""The Primitive contract: one function of the Rapids expression language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["MapOfFrames", "Primitive"]


@dataclass(frozen=True, slots=True)
class Primitive:
    """``fn(env, *values)`` with evaluated arguments, or ``fn(env, *asts)`` unevaluated when ``lazy``.

    Parameters
    ----------
    arity : exact number of arguments, or (least, most) with most None for any number.
    args : names of the arguments, for help and messages.
    """

    name: str
    fn: Callable[..., Any]
    arity: int | tuple[int, int | None]
    args: tuple[str, ...] = ()
    help: str = ""
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class MapOfFrames:
    """A value of the language: named frames, in order; those without a key are answered by their size alone."""

    frames: dict[str, Any]
