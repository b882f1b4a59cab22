"""Key ranges: rows of large columns brought together by ranges of their keys, each range worked on by one thread of some node.

Every chunk is cut into pieces, one for each range, which stay on the chunk's node (``ScatterTask``). Whoever works on a range
asks the nodes for its pieces (``gathered``). Ranges ascend, and the pieces of a range come in the order of the chunks: results
put one after the other are sorted by the key, stable, and the same on any number of nodes, whatever the ranges are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from h2ok.ext.rapids.blocks import fold, foldable
from h2ok.ext.rapids.keys import NA_KEY, codes_of, order_of, reversed_codes
from h2ok.kernel import (
    Block,
    H2OKError,
    IllegalArgumentError,
    MRTask,
    Node,
    NodeLostError,
    StateLostError,
    Vec,
    random_key,
    wire_type,
)
from h2ok.kernel.cloud.cloud import Member
from numpy.typing import NDArray

__all__ = ["MANY_ROWS", "Side", "grouped", "join_rows", "joined_rows", "many_rows", "sorted_rows"]

#: From how many rows ranges are worth their pieces.
MANY_ROWS = 200_000
#: Rows of a range that one thread sorts or groups within its cache.
_RANGE_ROWS = 65_536
_MOST_RANGES = 1024
_SAMPLES_A_RANGE = 32
#: How many times as many left rows there are when most of them match nothing.
_FEW_MATCH = 2
_SERVICE = "rapids.pieces"
#: How often work is begun that needs all nodes to stay, and how long to wait for them to have settled in between.
_TRIES, _SETTLE_SECONDS = 3, 10.0
_first_use = threading.Lock()
T = TypeVar("T")

Pieces = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Side:
    """Aligned columns of one frame: ``keys`` first, then ``values`` to go with them.

    ``descending``: for each key whether its order is turned round. ``tables``: for each key None, or int64[levels + 1] with the
    code that stands for each level (the last for a missing one).
    """

    keys: tuple[Vec, ...]
    values: tuple[Vec, ...] = ()
    descending: tuple[bool, ...] = ()
    tables: tuple[Any, ...] = ()

    @property
    def n_rows(self) -> int:
        return len(self.keys[0])


def many_rows(*sides: Side) -> bool:
    """Whether to work by ranges; decided by the number of rows alone."""
    return max(s.n_rows for s in sides) >= MANY_ROWS


# -- cutting chunks into pieces -------------------------------------------------------------------------------------------


class _Store:
    """The pieces of this node: (session, side) -> chunk -> (keys, rows, values, where each range begins)."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[str, int], dict[int, Any]] = {}

    def put(self, session: str, side: int, chunk: int, pieces: Any) -> None:
        self._pieces.setdefault((session, side), {})[chunk] = pieces

    def serve(self, payload: Any) -> Any:
        """None: this store. ``(session,)``: forget it. ``(session, side, range)``: its pieces as (chunk, keys, rows, values)."""
        if payload is None:
            return self
        if len(payload) == 1:
            for key in [k for k in self._pieces if k[0] == payload[0]]:
                self._pieces.pop(key, None)
            return None
        session, side, number = payload
        if not any(k[0] == session for k in self._pieces):
            # This process took the place of one that had some: nothing would be a wrong answer.
            raise _lost_pieces()
        out = []
        for chunk, (keys, rows, values, offsets) in self._pieces.get((session, side), {}).items():
            lo, hi = int(offsets[number]), int(offsets[number + 1])
            if hi > lo:
                out.append((chunk, keys[lo:hi], rows[lo:hi], values[:, lo:hi]))
        return out


def _store(node: Node) -> _Store:
    with _first_use:
        try:
            found: _Store = node.rpc.serve(_SERVICE, None)
        except H2OKError:
            found = _Store()
            node.rpc.register(_SERVICE, found.serve)
        return found


def _key_block(block: Block, n_keys: int, descending: Sequence[bool], tables: Sequence[Any]) -> NDArray[np.int64]:
    """Keys of a block, int64[n_rows, n_keys], in the order asked for."""
    out = np.empty((block.n_rows, n_keys), dtype=np.int64)
    for j in range(n_keys):
        v = block.vecs[j]
        codes = codes_of(v, block.codes(j) if v.type == "enum" else block.numbers(j))
        if tables and tables[j] is not None:
            codes = tables[j][codes]
        if descending and descending[j]:
            codes = reversed_codes(codes, -1 if v.type == "enum" else int(NA_KEY))
        out[:, j] = codes
    return out


@foldable(lambda a, b: np.concatenate([a, b]))
def _sample(block: Block, params: dict[str, Any]) -> NDArray[np.int64]:
    step = params["step"]
    first = -block.start % step
    keys = _key_block(block, params["n_keys"], params["descending"], params["tables"])
    return keys[first::step].copy()


def _bounds(node: Node, sides: Sequence[Side]) -> NDArray[np.int64]:
    """Ascending distinct keys that begin the ranges after the first, int64[n_ranges - 1, n_keys]."""
    total = sum(s.n_rows for s in sides)
    n_ranges = min(max(total // _RANGE_ROWS, 2), _MOST_RANGES)
    step = max(total // (n_ranges * _SAMPLES_A_RANGE), 1)
    samples = [
        fold(node, _sample, s.keys, step=step, n_keys=len(s.keys), descending=list(s.descending), tables=list(s.tables))
        for s in sides
        if s.n_rows
    ]
    sample = np.concatenate(samples)
    order = order_of([np.ascontiguousarray(sample[:, j]) for j in range(sample.shape[1])], len(sample))
    picked = sample[order[np.linspace(0, len(order), n_ranges + 1).astype(np.int64)[1:-1]]]
    new = np.ones(len(picked), dtype=np.bool_)
    new[1:] = (picked[1:] != picked[:-1]).any(axis=1)
    return np.ascontiguousarray(picked[new])


@wire_type("rapids.scatter")
@dataclass
class ScatterTask(MRTask):
    """Cuts each chunk into pieces by ``bounds``; its value counts the chunks of each member."""

    pieces: str
    side: int
    bounds: NDArray[np.int64]
    descending: list[bool]
    tables: list[Any]
    _kept: Any = field(default=None, metadata={"wire": False})

    def setup_local(self, node: Node) -> None:
        self._kept = _store(node)

    def map(self, block: Block) -> NDArray[np.int64]:
        from h2ok.ext.rapids.kernels import partition_rows

        n_keys = self.bounds.shape[1]
        keys = _key_block(block, n_keys, self.descending, self.tables)
        order, offsets = partition_rows(keys, self.bounds)
        values = np.empty((len(block.vecs) - n_keys, block.n_rows))
        for i in range(len(values)):
            values[i] = block.numbers(n_keys + i)[order]
        self._kept.put(self.pieces, self.side, block.index, (keys[order], order + block.start, values, offsets))
        counts: NDArray[np.int64] = np.zeros(block.node.cloud.size, dtype=np.int64)
        counts[block.node.cloud.self_index] = 1
        return counts

    def close_local(self, node: Node) -> None:
        self._kept = None


@contextmanager
def scattered(node: Node, *sides: Side) -> Iterator[tuple[str, int, list[Member]]]:
    """Pieces of the sides while the context lasts: (their name, how many ranges, the members that hold some).

    Raises
    ------
    StateLostError
        Members came or went meanwhile; the work can be started again.
    """
    name = random_key()
    bounds = _bounds(node, sides)
    there = _members(node)
    held = np.zeros(len(there), dtype=np.int64)
    _store(node)
    try:
        for i, s in enumerate(sides):
            if s.n_rows:
                task = ScatterTask(name, i, bounds, list(s.descending), list(s.tables))
                counts = node.tasks.do_all(task, (*s.keys, *s.values)).value
                # What a count stands for is the place of a member among all of them.
                if _members(node) != there or len(counts) != len(there):
                    raise _lost_pieces()
                held += counts
        yield name, len(bounds) + 1, [there[i] for i in np.flatnonzero(held)]
    finally:
        node.rpc.tell_all(_SERVICE, (name,))


def _members(node: Node) -> list[Member]:
    """The members in the lives they have now."""
    return [node.cloud.member(m) for m in node.cloud.members]


def _lost_pieces(member: Member | None = None) -> StateLostError:
    who = f"Node {member.node.name} was lost" if member is not None else "Nodes came or went"
    return StateLostError(f"{who} while large frames were sorted, grouped or joined. Start the work again.")


def _despite_losses(node: Node, work: Callable[[], T]) -> T:
    """``work()``, which leaves nothing behind; once more when a node was lost with its pieces."""
    for _ in range(_TRIES - 1):
        try:
            return work()
        except StateLostError:
            node.cloud.wait_until(lambda: not node.cloud.copies_missing, _SETTLE_SECONDS)
    return work()


# -- working on ranges ----------------------------------------------------------------------------------------------------


def gathered(node: Node, name: str, side: int, number: int, members: Sequence[Member], n_keys: int, n_values: int = 0) -> Pieces:
    """All rows of a range in the order of the frame: keys int64[n, n_keys], row numbers int64[n], values float64[n_values, n].

    Raises
    ------
    StateLostError
        A member that held pieces is gone; one that was started again at its address has none.
    """
    found = []
    for m, future in [(m, node.rpc.submit(m.node, _SERVICE, (name, side, number))) for m in members]:
        try:
            found += future.result()
        except (NodeLostError, IllegalArgumentError) as e:
            # A process that was started since does not even know the service.
            raise _lost_pieces(m) from e
        if m not in _members(node):
            raise _lost_pieces(m)
    found.sort(key=lambda p: p[0])
    if not found:
        return np.zeros((0, n_keys), dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros((n_values, 0))
    return (
        np.concatenate([p[1] for p in found]),
        np.concatenate([p[2] for p in found]),
        np.concatenate([p[3] for p in found], axis=1),
    )


def over_ranges(node: Node, task: MRTask, n_ranges: int) -> list[Any]:
    """The values of a task whose block i is range i and whose partial is a list of one value; in the order of the ranges."""
    return list(node.tasks.run(task, (), np.arange(n_ranges + 1, dtype=np.int64)).value)


@wire_type("rapids.sort_range")
@dataclass
class SortRange(MRTask):
    """Row numbers of each range in ascending order of the keys."""

    pieces: str
    members: list[Member]
    n_keys: int

    def map(self, block: Block) -> list[Any]:
        keys, rows, _ = gathered(block.node, self.pieces, 0, block.index, self.members, self.n_keys)
        return [rows[order_of([keys[:, j] for j in range(self.n_keys)], len(rows))]]

    def reduce(self, left: list[Any], right: list[Any]) -> list[Any]:
        return left + right


def sorted_rows(node: Node, side: Side) -> NDArray[np.int64]:
    """Row numbers in ascending order of the keys, int64[n]; stable."""

    def work() -> NDArray[np.int64]:
        with scattered(node, side) as (name, n_ranges, members):
            return np.concatenate(over_ranges(node, SortRange(name, members, len(side.keys)), n_ranges))

    return _despite_losses(node, work)


@wire_type("rapids.group_range")
@dataclass
class GroupRange(MRTask):
    """Groups of each range in ascending order of the keys: (keys, rows, statistics, first row of each)."""

    pieces: str
    members: list[Member]
    n_keys: int
    n_values: int

    def map(self, block: Block) -> list[Any]:
        from h2ok.ext.rapids.kernels import group_rows, group_statistics

        keys, _, values = gathered(block.node, self.pieces, 0, block.index, self.members, self.n_keys, self.n_values)
        ids, first = group_rows(np.ascontiguousarray(keys))
        distinct = keys[first]
        order = order_of([np.ascontiguousarray(distinct[:, j]) for j in range(self.n_keys)], len(first))
        stats = np.zeros((self.n_values, len(first), 7))
        for i in range(self.n_values):
            stats[i] = group_statistics(ids, np.ascontiguousarray(values[i]), len(first))[order]
        counts = np.bincount(ids, minlength=len(first)).astype(np.float64)
        return [(distinct[order], counts[order], stats)]

    def reduce(self, left: list[Any], right: list[Any]) -> list[Any]:
        return left + right


def grouped(node: Node, side: Side) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """(keys, numbers of rows, statistics) of the groups in ascending order of the keys; see ``grouping.Groups``."""

    def work() -> list[Any]:
        with scattered(node, side) as (name, n_ranges, members):
            return over_ranges(node, GroupRange(name, members, len(side.keys), len(side.values)), n_ranges)

    found = _despite_losses(node, work)
    return (
        np.concatenate([f[0] for f in found]),
        np.concatenate([f[1] for f in found]),
        np.concatenate([f[2] for f in found], axis=1),
    )


def join_rows(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    a_na: NDArray[np.bool_],
    b_na: NDArray[np.bool_],
    *,
    keep_left: bool,
    keep_right: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of rows with equal keys, sorted by the key, then left row, then right row; -1 where a side has none.

    ``a`` and ``b`` are int64[n, k]. Rows with a missing key match nothing.
    """
    from h2ok.ext.rapids.kernels import join_sorted

    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    # PERF: finding out which rows match at all is cheaper than sorting those that do not.
    if not keep_left and len(a) > _FEW_MATCH * len(b):
        return _of_present(a, b, a_na, b_na, keep_right=keep_right)
    orders = [order_of([np.ascontiguousarray(x[:, j]) for j in range(x.shape[1])], len(x)) for x in (a, b)]
    out: tuple[NDArray[np.int64], NDArray[np.int64]] = join_sorted(a, orders[0], a_na, b, orders[1], b_na, (keep_left, keep_right))
    return out


def _of_present(
    a: NDArray[np.int64], b: NDArray[np.int64], a_na: NDArray[np.bool_], b_na: NDArray[np.bool_], *, keep_right: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``join_rows`` of the left rows that have a match."""
    from h2ok.ext.rapids.kernels import present_rows

    kept = np.flatnonzero(present_rows(a, b) & ~a_na)
    left, right = join_rows(a[kept], b, a_na[kept], b_na, keep_left=True, keep_right=keep_right)
    return _at(kept, left), right


@wire_type("rapids.join_range")
@dataclass
class JoinRange(MRTask):
    """Pairs of row numbers of each range; see ``join_rows``. ``missing``: the code of a missing value of each key."""

    pieces: str
    members: list[Member]
    missing: list[int]
    keep_left: bool
    keep_right: bool

    def map(self, block: Block) -> list[Any]:
        n_keys = len(self.missing)
        na = np.array(self.missing, dtype=np.int64)
        a, a_rows, _ = gathered(block.node, self.pieces, 0, block.index, self.members, n_keys)
        b, b_rows, _ = gathered(block.node, self.pieces, 1, block.index, self.members, n_keys)
        keep = {"keep_left": self.keep_left, "keep_right": self.keep_right}
        left, right = join_rows(a, b, (a == na).any(axis=1), (b == na).any(axis=1), **keep)
        return [(_at(a_rows, left), _at(b_rows, right))]

    def reduce(self, left: list[Any], right: list[Any]) -> list[Any]:
        return left + right


def _at(rows: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.append(rows, -1)[places]


def joined_rows(
    node: Node, left: Side, right: Side, missing: list[int], *, keep_left: bool, keep_right: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``join_rows`` of large frames."""

    def work() -> list[Any]:
        with scattered(node, left, right) as (name, n_ranges, members):
            return over_ranges(node, JoinRange(name, members, missing, keep_left, keep_right), n_ranges)

    found = _despite_losses(node, work)
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])
