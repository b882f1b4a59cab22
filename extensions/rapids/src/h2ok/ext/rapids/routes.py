"""Routes: POST /99/Rapids and GET /99/Rapids/help with their schemas."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.extension import Primitives
from h2ok.capabilities.contracts.routes import RequestContext, Route
from h2ok.capabilities.contracts.schema import Schema, api, key_ref
from h2ok.kernel import IllegalArgumentError

__all__ = ["ROUTES"]


class RapidsSchemaV3(Schema):
    """The request: one expression."""

    ast: str = api("string", direction="INPUT", required=True, help="The expression.")
    session_id: str = api("string", direction="INPUT", help="Session that owns temporaries; made when it is new.")
    id: str = api("string", direction="INPUT", help="Not used; leave it out.")
    _exclude_fields: str = api("string", "", direction="INPUT", help="Fields to leave out of the answer.")


class RapidsNumberV3(RapidsSchemaV3):
    """A number."""

    scalar: float = api("double", 0.0, direction="OUTPUT", help="The number.")


class RapidsNumbersV3(RapidsSchemaV3):
    """A list of numbers or a row."""

    scalar: list[float] = api("double[]", direction="OUTPUT", help="The numbers.")


class RapidsStringV3(RapidsSchemaV3):
    """A text."""

    string: str = api("string", direction="OUTPUT", help="The text.")


class RapidsStringsV3(RapidsSchemaV3):
    """A list of texts."""

    string: list[str] = api("string[]", direction="OUTPUT", help="The texts.")


class RapidsFrameV3(RapidsSchemaV3):
    """A frame; without a key when the expression did not store it."""

    key: Any = api("Key<Frame>", direction="OUTPUT", schema="FrameKeyV3", help="Key of the frame.")
    num_rows: int = api("long", 0, direction="OUTPUT", help="Number of rows.")
    num_cols: int = api("int", 0, direction="OUTPUT", help="Number of columns.")


class RapidsMapFrameV3(RapidsSchemaV3):
    """Named frames."""

    frames: list[Any] = api("Iced[]", direction="OUTPUT", schema="RapidsFrameV3", help="The frames.")
    map_keys: Any = api("Iced", direction="OUTPUT", schema="RapidsStringsV3", help="Their names.")


class RapidsFunctionV3(RapidsSchemaV3):
    """A function."""

    funstr: str = api("string", direction="OUTPUT", help="The function as text.")


class RapidsExpressionV3(Schema):
    """A primitive, for help."""

    name: str = api("string", direction="INPUT", help="Name of the primitive.")
    pattern: str = api("string", direction="INPUT", help="How to call it.")
    description: str = api("string", direction="INPUT", help="What it does.")


class RapidsHelpV3(Schema):
    """All primitives."""

    expressions: list[Any] = api("Iced[]", direction="OUTPUT", schema="RapidsExpressionV3", help="The primitives.")


def execute(context: RequestContext, request: RapidsSchemaV3) -> Schema:
    """POST /99/Rapids"""
    if request.id:
        raise IllegalArgumentError(
            "Field 'id' of RapidsSchemaV3 is no longer supported; store results with (tmp= id expr).", argument="id"
        )
    if not (request.ast or "").strip():
        return RapidsSchemaV3(ast=request.ast or "", session_id=request.session_id)
    session = context.runtime.service_named("rapids.sessions").get(request.session_id)
    value, stored = session.execute(request.ast)
    return answer(value, stored)


def answer(value: Any, stored: bool) -> Schema:
    """The schema that fits a value.

    Raises
    ------
    IllegalArgumentError
        The value is a model or another object that has no form on the wire.
    """
    from h2ok.capabilities.contracts.primitive import MapOfFrames, Primitive
    from h2ok.ext.rapids.evaluate import Closure
    from h2ok.ext.rapids.values import Numbers, Row
    from h2ok.kernel import Frame
    from h2ok.kernel.frame.longs import is_exact_double

    if isinstance(value, bool | int | float):
        return RapidsNumberV3(scalar=float(value) if is_exact_double(value) else value)
    if isinstance(value, str):
        return RapidsStringV3(string=value)
    if isinstance(value, Frame):
        return _frame(value, stored)
    if isinstance(value, Numbers):
        return RapidsNumbersV3(scalar=value.expand().tolist())
    if isinstance(value, Row | np.ndarray):
        return RapidsNumbersV3(scalar=(value.values if isinstance(value, Row) else value).astype(np.float64).tolist())
    if isinstance(value, list) and all(isinstance(x, int | float) for x in value):
        return RapidsNumbersV3(scalar=[float(x) for x in value])
    if isinstance(value, list | tuple):
        return RapidsStringsV3(string=list(value))
    if isinstance(value, MapOfFrames):
        return RapidsMapFrameV3(
            frames=[_frame(f, bool(f.key)) for f in value.frames.values()], map_keys=RapidsStringsV3(string=list(value.frames))
        )
    if isinstance(value, Closure):
        return RapidsFunctionV3(funstr=str(value))
    if isinstance(value, Primitive):
        return RapidsFunctionV3(funstr=value.name)
    raise IllegalArgumentError(
        f"The value of the expression is a {type(value).__name__}; only numbers, strings, frames and functions can be returned. "
        "Read other objects through their own routes, for example GET /3/Models/{id}."
    )


def _frame(frame: Any, stored: bool) -> RapidsFrameV3:
    no_key = {**(key_ref("Frame", "") or {}), "name": None, "type": None, "URL": None}
    return RapidsFrameV3(key=key_ref("Frame", frame.key) if stored else no_key, num_rows=frame.n_rows, num_cols=frame.n_cols)


def list_primitives(context: RequestContext, request: Any) -> Schema:
    """GET /99/Rapids/help"""
    from h2ok.capabilities.registry import ExtensionError

    registry = context.runtime.registry
    found = {}
    for group in registry.provided(Primitives):
        # A group that cannot be imported is reported with its extension.
        with suppress(ExtensionError):
            found.update({p.name: p for p in registry.load(group)})
    return RapidsHelpV3(
        expressions=[
            RapidsExpressionV3(name=n, pattern=f"({' '.join((n, *p.args))})", description=p.help) for n, p in sorted(found.items())
        ]
    )


ROUTES = [
    Route(
        "POST",
        "/99/Rapids",
        execute,
        input=RapidsSchemaV3,
        output=RapidsSchemaV3,
        summary="Evaluate a Rapids expression.",
        api_name="rapidsExec",
        json_body=True,
    ),
    Route("GET", "/99/Rapids/help", list_primitives, output=RapidsHelpV3, summary="List the primitives.", api_name="rapids_help"),
]
