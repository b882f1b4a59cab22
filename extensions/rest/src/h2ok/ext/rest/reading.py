"""Reading of requests: query, form and JSON bodies to parameters, all bounded; uploads to a stream."""

from __future__ import annotations

import json
import sys
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qsl

import falcon
from h2ok.capabilities.contracts.errors import ApiError, BadRequestError
from h2ok.capabilities.settings import Settings

__all__ = ["UnsupportedContentError", "read_form", "read_json", "read_query", "upload_stream"]

_MAX_JSON_DEPTH = 64


class UnsupportedContentError(Exception):
    """An upload of a content type that is none of ours; answered as plain text, as H2O does."""


def read_query(text: str, settings: Settings) -> dict[str, str]:
    """Parameters of a query; of a repeated one the last counts."""
    return _pairs(text, settings)


def read_form(req: falcon.Request, settings: Settings) -> dict[str, str]:
    """Parameters of a form body; empty for another content type."""
    kind = (req.content_type or "").split(";", 1)[0].strip().lower()
    if kind not in ("", "application/x-www-form-urlencoded"):
        return {}
    body = _bounded(req, settings)
    if not body:
        return {}
    try:
        return _pairs(body.decode("utf-8"), settings)
    except UnicodeDecodeError as e:
        raise BadRequestError("The form body is not UTF-8 text. Send application/x-www-form-urlencoded in UTF-8.") from e


def read_json(req: falcon.Request, settings: Settings) -> dict[str, Any] | None:
    """Parameters of a JSON object body; None when the body is of another content type.

    Raises
    ------
    BadRequestError
        Malformed JSON, too deep, or no object.
    """
    if "json" not in (req.content_type or "").lower():
        return None
    body = _bounded(req, settings)
    if not body.strip():
        return {}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as e:
        raise BadRequestError(f"The JSON body cannot be read: {e}. Send one JSON object.") from e
    if not isinstance(found, dict):
        raise BadRequestError(f"The JSON body is a {type(found).__name__}, an object was expected.")
    if _depth(found, 0) > _MAX_JSON_DEPTH:
        raise BadRequestError(f"The JSON body is nested deeper than {_MAX_JSON_DEPTH} levels.")
    return found


def upload_stream(req: falcon.Request) -> tuple[BinaryIO, str]:
    """(stream, content type) of an uploaded body: raw, or the first part of multipart/form-data.

    Raises
    ------
    UnsupportedContentError
        Any other content type.
    """
    kind = (req.content_type or "").split(";", 1)[0].strip().lower()
    if kind in ("", "application/octet-stream", "application/vnd.apache.arrow.stream"):
        # A chunked body tells no length; the server ends its stream where the last chunk does.
        return cast(BinaryIO, req.stream if req.content_length is None else req.bounded_stream), kind
    if kind == "multipart/form-data":
        handler = falcon.media.MultipartFormHandler()
        handler.parse_options.max_body_part_count = 0
        # The form ends at its boundary. A chunked body tells no length; it is taken in pieces, as one that is raw.
        length = sys.maxsize if req.content_length is None else req.content_length
        for part in handler.deserialize(req.stream, req.content_type, length):
            return cast(BinaryIO, part.stream), part.content_type or "application/octet-stream"
        raise BadRequestError("The multipart body has no part. Send the file as the first part.")
    raise UnsupportedContentError(f"Content type must be multipart/form-data or application/octet-stream; got {kind}.")


def _bounded(req: falcon.Request, settings: Settings) -> bytes:
    limit = settings.max_form_bytes
    if (req.content_length or 0) > limit:
        raise _too_large(req.content_length or 0, limit)
    body: bytes = req.bounded_stream.read(limit + 1) if req.content_length is not None else _chunked(req, limit)
    if len(body) > limit:
        raise _too_large(len(body), limit)
    return body


def _chunked(req: falcon.Request, limit: int) -> bytes:
    """A body without a length: only where the client says it sends one."""
    if "chunked" not in (req.get_header("Transfer-Encoding") or "").lower():
        return b""
    body: bytes = req.stream.read(limit + 1)
    return body


def _too_large(size: int, limit: int) -> ApiError:
    return ApiError(
        f"The body has {size} bytes, at most {limit} are read. Upload large data with POST /3/PostFile.",
        status=413,
        exception_type="java.lang.IllegalArgumentException",
    )


def _pairs(text: str, settings: Settings) -> dict[str, str]:
    if not text:
        return {}
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=settings.max_form_fields))
    except ValueError as e:
        raise BadRequestError(f"Too many parameters in one request; at most {settings.max_form_fields} are read.") from e


def _depth(value: Any, at: int) -> int:
    if at > _MAX_JSON_DEPTH:
        return at
    if isinstance(value, dict):
        return max((_depth(v, at + 1) for v in value.values()), default=at)
    if isinstance(value, list):
        return max((_depth(v, at + 1) for v in value), default=at)
    return at
