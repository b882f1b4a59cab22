"""The MRTask contract: what an author of distributed work writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from h2ok.kernel.frame.chunk import Chunk
from h2ok.kernel.frame.longs import exact_values
from h2ok.kernel.frame.vec import Vec, VecType
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["Block", "MRTask", "OutputSpec", "TaskResult"]


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """Type (and levels) of one output vec."""

    type: VecType = "numeric"
    domain: tuple[str, ...] | None = None


@dataclass(slots=True)
class Block:
    """One run of rows of all input vecs, handed to ``MRTask.map``.

    ``state`` is a dict that stays on this node between tasks of the same ``session`` for the same chunk: scratch that is too
    large to send around (binned matrices, row positions). It is lost with the node; see ``Node.free_state``.
    """

    node: Node
    index: int
    start: int
    n_rows: int
    vecs: Sequence[Vec]
    state: dict[str, Any]
    session: str = ""
    _chunks: dict[int, Chunk] = field(default_factory=dict)
    outputs: dict[int, Any] = field(default_factory=dict)

    def chunk(self, column: int) -> Chunk:
        """The chunk of input vec ``column``."""
        found = self._chunks.get(column)
        if found is None:
            found = self._chunks[column] = self.vecs[column].chunk(self.node, self.index)
        return found

    def numbers(self, column: int) -> NDArray[np.float64]:
        """float64[n_rows] of input vec ``column``, NA as NaN; may be read-only."""
        return self.chunk(column).decode()

    def exact(self, column: int) -> NDArray[Any]:
        """The numbers of input vec ``column`` to the last digit: as ``numbers``, or int64[n_rows] with NA as the smallest int64
        where some are whole numbers that no double holds; may be read-only.
        """
        return exact_values(self.chunk(column))

    def codes(self, column: int) -> NDArray[np.int32]:
        """int32[n_rows] of an enum, NA as -1."""
        return self.chunk(column).codes()

    def strings(self, column: int) -> list[str | None]:
        """Text of a string or UUID vec, or the levels of an enum; None for NA."""
        domain = self.vecs[column].domain
        if domain is None:
            return self.chunk(column).strings()
        return [domain[c] if c >= 0 else None for c in self.codes(column).tolist()]

    def matrix(self, columns: Sequence[int] | None = None) -> NDArray[np.float64]:
        """float64[n_rows, n_columns] in C order of some (all) input vecs."""
        picked = range(len(self.vecs)) if columns is None else columns
        out = np.empty((self.n_rows, len(picked)))
        for j, c in enumerate(picked):
            self.chunk(c).decode_into(out[:, j])
        return out

    def cache(self, name: str, value: Any, nbytes: int) -> bool:
        """Keep in ``state`` what can be made again, if the memory budget has room for its ``nbytes``; whether it was kept."""
        return self.node.tasks.states.cache(self, name, value, nbytes)

    def stash(self, name: str, value: Any) -> None:
        """Keep a wire value for a later task of the session; it counts against the memory budget and may go to disk meanwhile."""
        self.node.tasks.states.stash(self, name, value)

    def unstash(self, name: str) -> Any:
        """Take out what an earlier task of the session kept for this chunk; None when there is nothing."""
        return self.node.tasks.states.unstash(self, name)

    def write(self, output: int, values: Any) -> None:
        """Set output vec ``output`` for these rows: an array or list as ``newchunk.encode`` takes it, or a Chunk.

        All outputs of a block must have the same number of rows; it may differ from ``n_rows`` (filters).
        """
        self.outputs[output] = values


class MRTask:
    """Work over the chunks of a frame. Subclasses are dataclasses registered with ``@wire_type``.

    ``map`` runs once for each chunk index, on the chunks' home node, on one of its worker threads, with no order promised;
    it must not change the task object. ``reduce`` combines two partials, always (left, right) along the canonical tree.
    A partial is a wire value; None means nothing. A field ``session: str`` names the state kept between tasks (``Block.state``);
    without it, or empty, a block's state is new each time. A map that computes in numba with ``nogil`` or in numpy lets the other
    worker threads run.

    ``fixed`` names fields whose values (the same objects) come again in all runs of a session: they travel once. The constructor
    must bear None in their place.
    """

    fixed: ClassVar[tuple[str, ...]] = ()

    def setup_local(self, node: Node) -> None:
        """Once on every node that holds chunks, before its first map."""

    def map(self, block: Block) -> Any:
        """The partial result of one block of rows."""
        raise TypeError(f"{type(self).__name__} defines no map(block).")

    def map_group(self, blocks: Sequence[Block]) -> list[Any]:
        """The partials of a few blocks that a thread takes together, for tasks that are quicker so; ``map`` may be called too."""
        return [self.map(block) for block in blocks]

    def feed(self, block: Block, payload: Any) -> Any:
        """The partial result of a block without input vecs whose data arrives with it, see ``TaskEngine.feed``."""
        raise TypeError(f"{type(self).__name__} defines no feed(block, payload).")

    def reduce(self, left: Any, right: Any) -> Any:
        """Combine two partials. Default: element-wise ``+`` of numbers, arrays, tuples, lists and dicts of them."""
        return _add(left, right)

    def close_local(self, node: Node) -> None:
        """Once on every node after its last map, also after a failure."""

    def post_global(self, node: Node, result: Any) -> Any:
        """On the calling node with the reduced result; what it returns is the result of the run."""
        return result


@dataclass(slots=True)
class TaskResult:
    """``value``: what reduction and ``post_global`` gave; ``vecs``: the output vecs, owned by the caller's scope."""

    value: Any
    vecs: tuple[Vec, ...] = ()


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, dict):
        return {k: _add(left[k], right[k]) if k in left and k in right else left.get(k, right.get(k)) for k in {**left, **right}}
    if isinstance(left, tuple):
        return tuple(_add(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, list):
        return [_add(a, b) for a, b in zip(left, right, strict=True)]
    return left + right
