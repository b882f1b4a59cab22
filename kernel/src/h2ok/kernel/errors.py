"""Exceptions of the kernel: one small hierarchy, each also a builtin that callers would catch."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ClassMismatchError",
    "CloudLockedError",
    "CloudTimeoutError",
    "H2OKError",
    "IllegalArgumentError",
    "JobCancelledError",
    "KeyNotFoundError",
    "NodeLostError",
    "NotHomeError",
    "OutOfMemoryBudgetError",
    "PortInUseError",
    "RemoteError",
    "StateLostError",
    "TaskTimeoutError",
    "WireError",
]


class H2OKError(Exception):
    """Base of every error h2ok raises on purpose.

    The text has three parts: what happened (with the value), what was expected, what to do.
    ``values`` keeps the numbers and names as attributes for programs to read.
    """

    def __init__(self, message: str, **values: Any) -> None:
        super().__init__(message)
        self.message = message
        self.values: dict[str, Any] = values


class IllegalArgumentError(H2OKError, ValueError):
    """A value given by a caller is outside what is allowed."""


class KeyNotFoundError(H2OKError, LookupError):
    """No value is stored under a key."""


class ClassMismatchError(H2OKError, TypeError):
    """The value under a key is of another kind than the one asked for."""


class NodeLostError(H2OKError, ConnectionError):
    """A node of the cloud did not answer before the deadline, or left."""


class NotHomeError(H2OKError):
    """The node asked does not answer for a key (any more, or yet); the caller looks again who does."""


class StateLostError(NodeLostError):
    """What a node kept between two tasks of one session went with it; the work can be started again from its beginning."""


class CloudLockedError(H2OKError, PermissionError):
    """A node asked to join after the cloud was locked."""


class CloudTimeoutError(H2OKError, TimeoutError):
    """The cloud did not reach the wanted size, or no agreement, in time."""


class TaskTimeoutError(H2OKError, TimeoutError):
    """An MRTask took longer than it was given."""


class PortInUseError(H2OKError, OSError):
    """A port to listen on is taken or may not be bound."""


class JobCancelledError(H2OKError):
    """The job was asked to stop; raised inside the job at the next safe point."""


class OutOfMemoryBudgetError(H2OKError, MemoryError):
    """Work was refused because it cannot fit into the memory budget."""


class RemoteError(H2OKError, RuntimeError):
    """Code on another node raised; the text names the node and the original error."""


class WireError(H2OKError, ValueError):
    """A message does not follow the wire format, or holds a type that is not registered."""
