"""Placement: which members hold which slots of the key space. A value; changing it means agreeing on one with a higher epoch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.key import SLOTS
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["Placement"]

_NONE = -1


@wire_type("cloud.placement")
@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """``holders``: int16[SLOTS, copies], positions in ``members``, the primary first, -1 for none; all of them are complete.

    ``incoming``: int16[SLOTS, k], members that receive every change of the slot but not yet all it held before. ``damaged``:
    int16[SLOTS], position in ``lost`` of the node with which the slot's content went, -1 for none; the primary of such a slot
    holds only what was stored since.
    """

    epoch: int
    members: tuple[H2ONode, ...]
    holders: NDArray[np.int16]
    incoming: NDArray[np.int16]
    damaged: NDArray[np.int16]
    lost: tuple[str, ...] = ()
    #: The primary of each slot, and the others that get its changes.
    primaries: tuple[H2ONode, ...] = field(init=False, repr=False, metadata={"wire": False})
    copies: tuple[tuple[H2ONode, ...], ...] = field(init=False, repr=False, metadata={"wire": False})

    def __post_init__(self) -> None:
        rows = np.concatenate([self.holders, self.incoming], axis=1)
        distinct, which = np.unique(rows, axis=0, return_inverse=True)
        nodes = [tuple(dict.fromkeys(self.members[i] for i in row if i != _NONE)) for row in distinct.tolist()]
        order = which.reshape(-1).tolist()
        object.__setattr__(self, "primaries", tuple(nodes[w][0] for w in order))
        object.__setattr__(self, "copies", tuple(nodes[w][1:] for w in order))

    @classmethod
    def first(cls, members: Sequence[H2ONode], replicas: int) -> Placement:
        """The placement of a cloud at its lock."""
        holders = _even(range(len(members)), replicas)
        none = np.full(SLOTS, _NONE, dtype=np.int16)
        return cls(1, tuple(members), holders, np.empty((SLOTS, 0), dtype=np.int16), none)

    def damage(self, slot: int) -> str:
        """The node with which the content of a slot was lost; empty when nothing was."""
        at = int(self.damaged[slot])
        return self.lost[at] if at != _NONE else ""

    def missing(self, replicas: int) -> int:
        """Copies of slots that are not complete yet, the members' number permitting."""
        wanted = 1 + min(replicas, len(self.members) - 1)
        held = (self.holders != _NONE).sum(axis=1)
        return int(np.maximum(0, wanted - held).sum())

    def held_by(self, node: H2ONode) -> NDArray[np.bool_]:
        """bool[SLOTS]: where ``node`` is a holder or about to be one."""
        if node not in self.members:
            return np.zeros(SLOTS, dtype=np.bool_)
        me = self.members.index(node)
        held: NDArray[np.bool_] = (self.holders == me).any(axis=1) | (self.incoming == me).any(axis=1)
        return held

    def without(self, gone: Collection[H2ONode]) -> Placement:
        """After a loss: the next complete holder is primary; where none is left a survivor starts from nothing."""
        if not any(m in gone for m in self.members):
            return self._next(self.members, self.holders, None, self.damaged, self.lost)
        keep = [i for i, m in enumerate(self.members) if m not in gone]
        position = np.full(len(self.members) + 1, _NONE, dtype=np.int16)
        position[keep] = np.arange(len(keep), dtype=np.int16)
        holders = _packed(position[self.holders])
        empty = holders[:, 0] == _NONE
        damaged, lost = self.damaged.copy(), self.lost
        for slot in np.flatnonzero(empty).tolist():
            name = self.members[int(self.holders[slot, 0])].name
            if name not in lost:
                lost = (*lost, name)
            damaged[slot] = lost.index(name)
            holders[slot, 0] = slot * len(keep) // SLOTS
        return self._next(tuple(self.members[i] for i in keep), holders, None, damaged, lost)

    def with_members(self, added: Iterable[H2ONode]) -> Placement:
        """The same with members that hold nothing yet."""
        members = (*self.members, *(n for n in added if n not in self.members))
        return self._next(members, self.holders, None, self.damaged, self.lost)

    def target(self, replicas: int, leaving: Collection[H2ONode] = ()) -> NDArray[np.int16]:
        """The holders there should be: even shares over the members that stay, moving as little as any ring order allows."""
        stay = [i for i, m in enumerate(self.members) if m not in leaving]
        best: NDArray[np.int16] | None = None
        moved = SLOTS * (len(stay) + 1)
        for ring in _rings(stay, self.holders):
            wanted = _even(ring, replicas)
            cost = int((wanted[:, :1] != self.holders[:, :1]).sum())
            if cost < moved:
                best, moved = wanted, cost
        assert best is not None
        return best

    def moving_to(self, target: NDArray[np.int16]) -> Placement:
        """The same holders, with those of ``target`` that are none yet as incoming ones."""
        missing = np.where((target[:, :, None] == self.holders[:, None, :]).any(axis=2), _NONE, target).astype(np.int16)
        return self._next(self.members, self.holders, _packed(missing), self.damaged, self.lost)

    def moved_to(self, target: NDArray[np.int16], leaving: Collection[H2ONode] = ()) -> Placement:
        """``target`` as the holders, once the incoming ones are complete; ``leaving`` members are no more."""
        reached = self._next(self.members, target, None, self.damaged, self.lost)
        return reached.without(leaving) if leaving else reached

    def is_at(self, target: NDArray[np.int16]) -> bool:
        """Whether the holders are those of ``target`` and nobody is on the way."""
        return np.array_equal(_trimmed(self.holders), _trimmed(target)) and not bool((self.incoming != _NONE).any())

    def _next(
        self,
        members: tuple[H2ONode, ...],
        holders: NDArray[np.int16],
        incoming: NDArray[np.int16] | None,
        damaged: NDArray[np.int16],
        lost: tuple[str, ...],
    ) -> Placement:
        empty: NDArray[np.int16] = np.empty((SLOTS, 0), dtype=np.int16)
        return Placement(self.epoch + 1, members, holders, empty if incoming is None else incoming, damaged, lost)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Placement):
            return NotImplemented
        return self.epoch == other.epoch and self.members == other.members and np.array_equal(self.holders, other.holders)

    def __hash__(self) -> int:
        return hash((self.epoch, self.members))


def _even(ring: Iterable[int], replicas: int) -> NDArray[np.int16]:
    """Contiguous even shares in the order of ``ring``; copies on the next ones."""
    order = np.array(list(ring), dtype=np.int16)
    n = len(order)
    first = np.arange(SLOTS) * n // SLOTS
    width = 1 + min(replicas, n - 1)
    rows: NDArray[np.int16] = order[(first[:, None] + np.arange(width)) % n]
    return rows


def _rings(stay: list[int], holders: NDArray[np.int16]) -> Iterable[list[int]]:
    """Orders worth a look: members by the slots they hold now, those without any at every place."""
    slots = {i: np.flatnonzero(holders[:, 0] == i) for i in stay}
    old = sorted((i for i in stay if len(slots[i])), key=lambda i: float(slots[i].mean()))
    rings = [old]
    for i in (i for i in stay if not len(slots[i])):
        rings = [[*r[:at], i, *r[at:]] for r in rings[:64] for at in range(len(r) + 1)]
    return rings


def _packed(rows: NDArray[np.int16]) -> NDArray[np.int16]:
    """Each row's members first, in order, then -1; columns without any member are cut."""
    order = np.argsort(rows == _NONE, axis=1, kind="stable")
    packed: NDArray[np.int16] = np.take_along_axis(rows, order, axis=1)
    used = max(1, int((packed != _NONE).any(axis=0).sum())) if packed.shape[1] else 0
    return np.ascontiguousarray(packed[:, :used])


def _trimmed(rows: NDArray[Any]) -> NDArray[Any]:
    keep = int((rows != _NONE).any(axis=0).sum())
    return rows[:, :keep]
