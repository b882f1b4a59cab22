"""Removal of keyed objects, whatever they are: a frame gives up its columns, other kinds say themselves what goes with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from h2ok.kernel import Frame, IllegalArgumentError, Job

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["Removable", "Retaining", "remove_all", "remove_key"]


@runtime_checkable
class Removable(Protocol):
    """A stored value that owns other keys. With ``indivisible = True`` these are parts of it and go with it in any case."""

    def on_remove(self, runtime: Runtime) -> None:
        """Remove what the value owns; its own key is removed by the caller."""


@runtime_checkable
class Retaining(Protocol):
    """A stored value that needs other keys to live on: a model its cross-validation frames, for example."""

    def retained_keys(self) -> Iterable[str]:
        """Keys that must stay while this value is kept."""


def remove_key(runtime: Runtime, key: str, *, cascade: bool = True) -> bool:
    """Remove the object under ``key`` and, with ``cascade``, what it owns; true when there was one."""
    node = runtime.node
    value = node.dkv.get(key)
    if value is None:
        return False
    if isinstance(value, Frame):
        return node.frames.remove(key)
    if isinstance(value, Removable) and (cascade or getattr(value, "indivisible", False)):
        value.on_remove(runtime)
    return node.dkv.remove(key)


def remove_all(runtime: Runtime, retained: Iterable[str] = ()) -> int:
    """Remove every object that is not retained or needed by a retained one; running jobs stay. The number removed.

    Raises
    ------
    IllegalArgumentError
        A retained key does not exist.
    """
    node = runtime.node
    keep = _closure(runtime, retained)
    removed = 0
    for key in node.dkv.keys():  # noqa: SIM118 - no dict
        if key in keep:
            continue
        value = node.dkv.get(key)
        if isinstance(value, Job) and value.is_running:
            continue
        removed += remove_key(runtime, key)
    return removed


def _closure(runtime: Runtime, retained: Iterable[str]) -> set[str]:
    """The retained keys with all that they need."""
    todo, keep = list(retained), set[str]()
    for key in todo:
        if runtime.node.dkv.get(key) is None:
            raise IllegalArgumentError(f"Cannot retain '{key}': there is no such object.", argument="retained_keys", key=key)
    while todo:
        key = todo.pop()
        if key in keep:
            continue
        keep.add(key)
        value: Any = runtime.node.dkv.get(key)
        if isinstance(value, Retaining):
            todo += list(value.retained_keys())
    return keep
