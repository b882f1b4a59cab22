"""Blockwise work: plain functions over blocks of rows as MRTasks.

A family of primitives writes functions ``f(block, params)`` and marks them with ``blockwise`` (no partial result) or
``foldable`` (with how two partials combine). What travels to other nodes is the function's registered name; a name of our own
families is imported on first use, any other unknown name is an error.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from h2ok.kernel import Block, Frame, MRTask, Node, OutputSpec, Vec, WireError, wire_type
from numpy.typing import NDArray

__all__ = ["BlockFunction", "blockwise", "fold", "foldable", "make_vecs", "map_vecs"]

BlockFunction = Callable[[Block, dict[str, Any]], Any]
_PACKAGE = "h2ok.ext.rapids."
_functions: dict[str, tuple[BlockFunction, Callable[[Any, Any], Any] | None]] = {}


def _name_of(fn: Callable[..., Any]) -> str:
    return f"{fn.__module__.removeprefix(_PACKAGE)}:{fn.__name__}"


def blockwise(fn: BlockFunction) -> BlockFunction:
    """Register a function that only writes output columns."""
    _functions[_name_of(fn)] = (fn, None)
    return fn


def foldable(reduce: Callable[[Any, Any], Any] | None = None) -> Callable[[BlockFunction], BlockFunction]:
    """Register a function with a partial result. ``reduce(left, right)`` combines two; None adds element-wise."""

    def register(fn: BlockFunction) -> BlockFunction:
        _functions[_name_of(fn)] = (fn, reduce)
        return fn

    return register


def _find(name: str) -> tuple[BlockFunction, Callable[[Any, Any], Any] | None]:
    found = _functions.get(name)
    if found is None:
        module = name.partition(":")[0]
        # SECURITY: a name from the wire may only ever import a module below this package.
        if all(part.isidentifier() for part in module.split(".")):
            importlib.import_module(_PACKAGE + module)
        found = _functions.get(name)
        if found is None:
            raise WireError(f"Unknown block function '{name}'. The nodes run different versions of the rapids extension.")
    return found


@wire_type("rapids.blocks")
@dataclass
class BlockTask(MRTask):
    """Runs a registered function over every block."""

    function: str
    params: dict[str, Any] = field(default_factory=dict)

    def map(self, block: Block) -> Any:
        return _find(self.function)[0](block, self.params)

    def reduce(self, left: Any, right: Any) -> Any:
        reduce = _find(self.function)[1]
        return MRTask.reduce(self, left, right) if reduce is None else reduce(left, right)


def map_vecs(
    node: Node, fn: BlockFunction, over: Frame | Sequence[Vec], outputs: Sequence[OutputSpec] = (OutputSpec(),), **params: Any
) -> tuple[Vec, ...]:
    """Run ``fn`` over columns; the columns it wrote."""
    return node.tasks.do_all(BlockTask(_name_of(fn), params), over, outputs).vecs


def make_vecs(
    node: Node, fn: BlockFunction, espc: NDArray[Any], outputs: Sequence[OutputSpec] = (OutputSpec(),), **params: Any
) -> tuple[Vec, ...]:
    """Run ``fn`` over row boundaries without input columns; the columns it wrote."""
    return node.tasks.run(BlockTask(_name_of(fn), params), (), espc, outputs).vecs


def fold(node: Node, fn: BlockFunction, over: Frame | Sequence[Vec], **params: Any) -> Any:
    """Run ``fn`` over columns; its partial results combined along the canonical tree."""
    return node.tasks.do_all(BlockTask(_name_of(fn), params), over).value
