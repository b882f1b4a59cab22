"""Family: collects the primitives that a module defines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from h2ok.capabilities.contracts.primitive import Primitive

__all__ = ["Family"]

F = TypeVar("F", bound=Callable[..., Any])


class Family:
    """``@family("name", "arg other [optional] rest...", "help")`` registers a function as a primitive.

    The arity follows from the words: ``[x]`` may be left out, ``x...`` stands for any number of arguments.
    """

    def __init__(self) -> None:
        self.primitives: list[Primitive] = []

    def __call__(self, name: str, args: str = "", help: str = "", *, lazy: bool = False) -> Callable[[F], F]:
        words = tuple(args.split())

        def register(fn: F) -> F:
            self.add(name, fn, words, help, lazy=lazy)
            return fn

        return register

    def add(self, name: str, fn: Callable[..., Any], words: tuple[str, ...], help: str, *, lazy: bool = False) -> None:
        """Register ``fn`` under ``name``."""
        least = sum(not w.startswith("[") and not w.endswith("...") for w in words)
        most = None if any(w.endswith("...") for w in words) else len(words)
        self.primitives.append(Primitive(name, fn, least if least == most else (least, most), words, help, lazy))
