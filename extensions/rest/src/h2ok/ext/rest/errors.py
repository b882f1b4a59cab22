"""Errors on the wire: the one place that turns exceptions into H2OErrorV3 and H2OModelBuilderErrorV3."""

from __future__ import annotations

import logging
import secrets
import time
import traceback
from dataclasses import dataclass
from typing import Any

from h2ok.capabilities.contracts.errors import ApiError, ModelBuilderError
from h2ok.capabilities.contracts.schema import EnumValueError, Schema, api, to_wire
from h2ok.kernel import (
    ClassMismatchError,
    ColumnNotFoundError,
    H2OKError,
    IllegalArgumentError,
    KeyNotFoundError,
    NodeLostError,
    RemoteError,
)

__all__ = ["ErrorAnswer", "H2OErrorV3", "H2OModelBuilderErrorV3", "ValidationMessageV3", "describe"]

_log = logging.getLogger("h2ok.rest.errors")
_WATER = "water.exceptions."
_ILLEGAL = "java.lang.IllegalArgumentException"
_MAX_FRAMES = 40


class H2OErrorV3(Schema):
    """An error as every client reads it."""

    schema_type = "H2OError"
    timestamp: int = api("long", 0, direction="OUTPUT", help="When it happened, milliseconds since the epoch.")
    error_url: str = api("string", direction="OUTPUT", help="The path that was asked for.")
    msg: str = api("string", direction="OUTPUT", help="What happened, for a user.")
    dev_msg: str = api("string", direction="OUTPUT", help="What happened, for a developer.")
    http_status: int = api("int", 0, direction="OUTPUT", help="The HTTP status.")
    values: dict[str, Any] = api("Map<string,Object>", direction="OUTPUT", help="Names and numbers the message speaks of.")
    exception_type: str = api("string", direction="OUTPUT", help="Class of the error, by H2O's names.")
    exception_msg: str = api("string", direction="OUTPUT", help="Text of the error.")
    stacktrace: list[str] = api("string[]", direction="OUTPUT", help="Where it happened.")


class ValidationMessageV3(Schema):
    """One finding about a parameter."""

    schema_type = "ValidationMessage"
    message_type: str = api("string", direction="OUTPUT", help="ERRR, WARN, INFO, DEBUG or TRACE.")
    field_name: str = api("string", direction="OUTPUT", help="The parameter.")
    message: str = api("string", direction="OUTPUT", help="What was found.")


class H2OModelBuilderErrorV3(H2OErrorV3):
    """An error with all findings about the parameters of a model builder."""

    schema_type = "H2OModelBuilderError"
    parameters: Any = api("Parameters", direction="OUTPUT", schema="ModelParametersSchemaV3", help="The parameters as received.")
    messages: list[Any] = api("ValidationMessage[]", direction="OUTPUT", schema="ValidationMessageV3", help="All findings.")
    error_count: int = api("int", 0, direction="OUTPUT", help="How many of them are errors.")


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """Status and body of an error."""

    status: int
    body: dict[str, Any]


def describe(error: BaseException, url: str, path_params: dict[str, str] | None = None, origin: str = "") -> ErrorAnswer:
    """The answer to a request that raised ``error``.

    Parameters
    ----------
    url : the decoded path, or the text of an unmatched route.
    origin : the extension whose code failed, if it is known.
    """
    status, kind = _classify(error)
    message = _message(error, origin)
    if status >= 500 and not isinstance(error, H2OKError):
        reference = secrets.token_hex(4)
        _log.error("Request %s failed [%s]", url, reference, exc_info=error)
        message = f"{message} Find the details in the log under [{reference}]: GET /3/Logs/download."
    text = f"\n\nERROR MESSAGE:\n\n{message}\n\n"
    common = {
        "timestamp": int(time.time() * 1000),
        "error_url": url,
        "msg": text,
        "dev_msg": text,
        "http_status": status,
        "values": _values(error, path_params or {}),
        "exception_type": kind,
        "exception_msg": text,
        "stacktrace": _stack(error, kind, message),
    }
    if isinstance(error, ModelBuilderError):
        return ErrorAnswer(status, _builder_error(error, common))
    return ErrorAnswer(status, H2OErrorV3(**common).to_json())


def _classify(error: BaseException) -> tuple[int, str]:
    """HTTP status and the Java class name clients show."""
    if isinstance(error, ApiError):
        return error.status, error.exception_type
    if isinstance(error, ColumnNotFoundError):
        return 404, _WATER + "H2OColumnNotFoundArgumentException"
    if isinstance(error, KeyNotFoundError):
        return 404, _WATER + "H2OKeyNotFoundArgumentException"
    if isinstance(error, EnumValueError):
        return 400, _ILLEGAL
    if isinstance(error, (IllegalArgumentError, ClassMismatchError)):
        return 412, _WATER + "H2OIllegalArgumentException"
    if isinstance(error, FileNotFoundError):
        return 400, "java.io.FileNotFoundException"
    if isinstance(error, NodeLostError):
        return 503, "water.exceptions.H2ONodeLostException"
    if isinstance(error, RemoteError):
        return 500, "water.util.DistributedException"
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return 400, _ILLEGAL
    if isinstance(error, MemoryError):
        return 500, "java.lang.OutOfMemoryError"
    return 500, "java.lang.RuntimeException"


def _message(error: BaseException, origin: str) -> str:
    if isinstance(error, H2OKError):
        return error.message
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}."
    if isinstance(error, (ValueError, OSError)) and text:
        return text
    where = f" in extension {origin}" if origin else ""
    return f"The request failed unexpectedly{where} ({type(error).__name__}: {text})."


def _values(error: BaseException, path_params: dict[str, str]) -> dict[str, Any]:
    values = dict(error.values) if isinstance(error, H2OKError) else {}
    if isinstance(error, ColumnNotFoundError) and "frame" in values:
        return {
            "argument": "column",
            "column_name": values.get("column"),
            "frame_name": f"Key<Frame> {path_params.get('frame_id', values['frame'])}",
        }
    if isinstance(error, KeyNotFoundError) and "key" in values:
        name = values.pop("key")
        return {"argument": values.pop("argument", "key"), **values, "name": name}
    if isinstance(error, ModelBuilderError):
        return {}
    return {k: _plain(v) for k, v in values.items()}


def _plain(value: Any) -> Any:
    try:
        return to_wire(value)
    except TypeError:
        return str(value)


def _stack(error: BaseException, kind: str, message: str) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    lines = [f"    {_module(f.filename)}.{f.name}({f.filename.rsplit('/', 1)[-1]}:{f.lineno})" for f in reversed(frames)]
    return [f"{kind}: {message}", *lines]


def _module(filename: str) -> str:
    """Dotted name of a source file below ``h2ok``; no paths of the machine leave the server."""
    parts = filename.removesuffix(".py").split("/")
    for root in ("h2ok", "site-packages"):
        if root in parts:
            return ".".join(parts[len(parts) - 1 - parts[::-1].index(root) :]).removeprefix("site-packages.")
    return parts[-1]


_LEVELS = {"FATAL": 0, "ERRR": 1, "WARN": 2, "INFO": 3, "DEBUG": 4, "TRACE": 5}


def _builder_error(error: ModelBuilderError, common: dict[str, Any]) -> dict[str, Any]:
    common["values"] = {
        "messages": [
            {"_log_level": _LEVELS.get(m.type, 3), "_field_name": f"_{m.field}", "_message": m.message} for m in error.messages
        ],
        "algo": error.algo,
        "parameters": to_wire(error.parameters),
        "error_count": error.error_count,
    }
    return H2OModelBuilderErrorV3(
        **common,
        parameters=error.parameters,
        messages=[ValidationMessageV3(message_type=m.type, field_name=m.field, message=m.message) for m in error.messages],
        error_count=error.error_count,
    ).to_json()
