"""What nodes tell each other about a run of an MRTask; what stays the same over a session's runs travels once."""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.kernel.cloud.cloud import Member
from h2ok.kernel.errors import StateLostError
from h2ok.kernel.frame.vec import Vec
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["Grounds", "Output", "Reply", "Request"]

#: Grounds that nodes keep for one session; further ones travel with each run.
_MOST = 32


@wire_type("task.output")
@dataclass(frozen=True, slots=True)
class Output:
    """A vec that a run makes."""

    key: str
    type: str
    domain: tuple[str, ...] | None


@wire_type("task.ground")
@dataclass(frozen=True, slots=True)
class Ground:
    """What the runs of a session share. ``fixed``: values of the task's fields that are named in ``MRTask.fixed``."""

    vecs: tuple[Vec, ...]
    espc: NDArray[np.int64]
    fixed: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A run, or a node's part of one: the chunks it maps, ascending."""

    run: str
    task: Any
    vecs: tuple[Vec, ...]
    espc: NDArray[np.int64]
    outputs: tuple[Output, ...]
    indexes: NDArray[np.int64]

    @property
    def n_chunks(self) -> int:
        return len(self.espc) - 1

    @property
    def session(self) -> str:
        return getattr(self.task, "session", "")

    def part(self, indexes: NDArray[np.int64]) -> Request:
        """The same for some of the chunks."""
        return Request(self.run, self.task, self.vecs, self.espc, self.outputs, indexes)


@wire_type("task.request")
@dataclass(frozen=True, slots=True)
class Message:
    """A request on its way. ``ground``: None when the receiver has it from before, by ``number`` in the session (0: not kept)."""

    run: str
    task: Any
    outputs: tuple[Output, ...]
    indexes: NDArray[np.int64]
    number: int
    ground: Ground | None


@wire_type("task.reply")
@dataclass(frozen=True, slots=True)
class Reply:
    """The subtrees a node holds, and the sizes of the output chunks it wrote."""

    parts: list[Any]
    sizes: dict[int, int]


@dataclass(slots=True)
class _Sent:
    """A ground of this node's runs, and who has it. Keeps its parts alive, so that their identity tells them apart."""

    number: int
    ground: Ground
    holders: set[Member]


class Grounds:
    """Packs and unpacks requests. Thread-safe.

    PERF: columns with their domains and a model's view of the rows take 90 microseconds to encode and 100 to decode, for a message
    that else holds the splits of a few nodes of a tree.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._sent: dict[str, dict[tuple[int, ...], _Sent]] = {}
        self._known: dict[str, dict[int, Ground]] = {}

    def pack(self, request: Request, to: Member) -> tuple[Message, Callable[[], None]]:
        """The message for a node, and what to call once the node has answered it."""
        task, session = request.task, request.session
        fixed = tuple(getattr(task, name) for name in task.fixed)
        sent = self._sent_before(request, fixed) if session else None
        if sent is None:
            ground = Ground(request.vecs, request.espc, fixed)
            return Message(request.run, _without_fixed(task), request.outputs, request.indexes, 0, ground), _nothing
        known = to in sent.holders
        ground_of = None if known else sent.ground
        message = Message(request.run, _without_fixed(task), request.outputs, request.indexes, sent.number, ground_of)
        return message, (_nothing if known else lambda: sent.holders.add(to))

    def _sent_before(self, request: Request, fixed: tuple[Any, ...]) -> _Sent | None:
        """The request's ground as other runs of the session have it; None when the session has too many of them."""
        identity = (id(request.espc), *map(id, request.vecs), *map(id, fixed))
        with self._lock:
            grounds = self._sent.setdefault(request.session, {})
            if identity not in grounds and len(grounds) < _MOST:
                grounds[identity] = _Sent(next(self._numbers), Ground(request.vecs, request.espc, fixed), set())
            return grounds.get(identity)

    def unpack(self, message: Message) -> Request:
        """The request of a message.

        Raises
        ------
        StateLostError
            This node does not have, or no longer, what the message builds on.
        """
        session, ground = getattr(message.task, "session", ""), message.ground
        if session and message.number:
            with self._lock:
                known = self._known.setdefault(session, {})
                if ground is not None:
                    known[message.number] = ground
                else:
                    ground = known.get(message.number)
        if ground is None:
            raise StateLostError("What this node kept for the work is gone. Start the work again.")
        for name, value in zip(message.task.fixed, ground.fixed, strict=True):
            object.__setattr__(message.task, name, value)
        return Request(message.run, message.task, ground.vecs, ground.espc, message.outputs, message.indexes)

    def free(self, session: str) -> None:
        """Forget what was kept for a session."""
        with self._lock:
            self._sent.pop(session, None)
            self._known.pop(session, None)

    def sessions(self) -> list[str]:
        """The sessions something is kept for."""
        with self._lock:
            return list(self._known)


def _without_fixed(task: Any) -> Any:
    """The task with None in its fixed fields; the task itself when it has none."""
    if not task.fixed:
        return task
    bare = copy.copy(task)
    for name in task.fixed:
        object.__setattr__(bare, name, None)
    return bare


def _nothing() -> None:
    return None
