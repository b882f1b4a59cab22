"""Route: one method and path with its handler and schemas; whatever serves HTTP hosts the routes of all active extensions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from h2ok.capabilities.contracts.schema import Schema

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime
    from h2ok.kernel import Node

__all__ = ["Handler", "RequestContext", "Response", "Route"]


@dataclass(slots=True)
class RequestContext:
    """What a handler gets beside its parsed request."""

    runtime: Runtime
    method: str = "GET"
    path: str = ""
    path_params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Raw body, for routes with ``raw_body``.
    body: BinaryIO | None = None
    content_type: str = ""
    content_length: int | None = None
    user: str | None = None
    #: The request's own parameters as received, before parsing.
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def node(self) -> Node:
        return self.runtime.node


@dataclass(slots=True)
class Response:
    """An answer that is no schema: text, bytes or a stream, whose pieces are bytes or tuples of buffers that are sent together."""

    body: str | bytes | Iterable[bytes | tuple[bytes | memoryview, ...]] = b""
    status: int = 200
    content_type: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def attachment(
        cls, body: str | bytes | Iterable[bytes | tuple[bytes | memoryview, ...]], filename: str, content_type: str = ""
    ) -> Response:
        """A file to keep. Its name stands in quotes, where the official client looks for it; what a name cannot hold is ``_``."""
        safe = "".join("_" if c in '"\\/' or not " " <= c <= "~" else c for c in filename)
        headers = {"Content-Disposition": f'attachment; filename="{safe}"'}
        return cls(body, content_type=content_type or "application/octet-stream", headers=headers)


#: handler(context, request) -> Schema, plain JSON dict, or Response.
Handler = Callable[[RequestContext, Any], Schema | dict[str, Any] | Response]


@dataclass(frozen=True, slots=True)
class Route:
    """``GET /3/Frames/{frame_id}`` and who answers it.

    Parameters
    ----------
    handler : a function, or ``"module:function"`` imported on first use.
    input : schema class (or ``"module:Class"``) of the request; path parameters, query and form fields are parsed into one
        instance. None: nothing is parsed, the handler reads the context.
    output : schema of the answer, for metadata.
    raw_body : the body is a stream for the handler (uploads), not form fields.
    json_body : a JSON body is read as parameters (as for AutoMLBuilder and Rapids).
    lenient : parameters that the input schema does not know are ignored.
    """

    method: str
    path: str
    handler: Handler | str
    input: type[Schema] | str | None = None
    output: type[Schema] | str | None = None
    summary: str = ""
    api_name: str = ""
    raw_body: bool = False
    json_body: bool = False
    lenient: bool = False
