"""Errors across nodes: an exception becomes a wire value and comes back as the same h2ok class."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from h2ok.kernel.errors import H2OKError, RemoteError, WireError
from h2ok.kernel.transport.pending import settle
from h2ok.kernel.wire import decode, encode, wire_type

__all__ = ["ErrorReply", "finish", "reply_of"]


@wire_type("rpc.error")
@dataclass(frozen=True, slots=True)
class ErrorReply:
    """An exception of another node. ``kind`` is ``module.QualifiedName`` of its class."""

    kind: str
    message: str
    values: dict[str, Any]
    node: str
    trace: str


def reply_of(error: BaseException, node: str) -> ErrorReply:
    """What travels instead of ``error``; values that cannot travel go as text."""
    cls = type(error)
    message = error.message if isinstance(error, H2OKError) else str(error)
    values = {str(k): _plain(v) for k, v in error.values.items()} if isinstance(error, H2OKError) else {}
    trace = "".join(traceback.format_exception(error))[-8000:]
    return ErrorReply(_name(cls), message, values, node, trace)


def finish(future: Future[Any], frames: Sequence[Any]) -> None:
    """End the future of a call with the reply in ``frames``: its value, or its error. Never raises, so no caller is forgotten."""
    try:
        value = decode(frames)
        if isinstance(value, ErrorReply):
            settle(future, error=_error_of(value))
        else:
            settle(future, value)
    except BaseException as e:  # goes to the caller
        settle(future, error=e)


def _error_of(reply: ErrorReply) -> H2OKError:
    """The error to raise here: the class of the same name when it is a known H2OKError, RemoteError otherwise.

    The trace of the other node is added as a note. No module is imported for it.
    """
    cls = _known().get(reply.kind)
    if cls is None:
        short = reply.kind.rsplit(".", 1)[-1]
        error: H2OKError = RemoteError(
            f"Node {reply.node} failed: {short}: {reply.message}", node=reply.node, kind=reply.kind, original=reply.message
        )
    else:
        error = _made(cls, reply)
    error.add_note(f"Raised on node {reply.node}:\n{reply.trace}")
    return error


def _made(cls: type[H2OKError], reply: ErrorReply) -> H2OKError:
    if cls.__init__ is H2OKError.__init__:
        return cls(reply.message, **reply.values)
    # The subclass has another signature; the base sets all there is.
    error = cls.__new__(cls, reply.message)
    H2OKError.__init__(error, reply.message, **reply.values)
    return error


def _known() -> dict[str, type[H2OKError]]:
    found: dict[str, type[H2OKError]] = {}
    todo: list[type[H2OKError]] = [H2OKError]
    while todo:
        cls = todo.pop()
        found[_name(cls)] = cls
        todo += cls.__subclasses__()
    return found


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _plain(value: Any) -> Any:
    try:
        encode(value)
    except WireError:
        return str(value)
    return value
