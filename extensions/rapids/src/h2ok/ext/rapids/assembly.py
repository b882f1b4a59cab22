"""Assemblies: named steps that turn one frame into another, each a selection of columns or an operation on one column."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from h2ok.capabilities.contracts.errors import ApiError, BadRequestError
from h2ok.capabilities.contracts.schema import key_ref
from h2ok.ext.rapids.args import as_strings, named
from h2ok.ext.rapids.ast import Ast, Call, Ident, StrLit, StrsLit
from h2ok.ext.rapids.evaluate import Env, describe
from h2ok.ext.rapids.fused import LazyFrame, force
from h2ok.ext.rapids.parser import parse
from h2ok.ext.rapids.primitives.assigning import unique_name
from h2ok.kernel import Frame, IllegalArgumentError, Vec, random_key, wire_type

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.routes import RequestContext
    from h2ok.ext.rapids.routes_assembly import AssemblyV99
    from h2ok.ext.rapids.session import Session

__all__ = ["Assembly", "Step", "fit", "java", "mojo", "parse_step"]

#: What stands for the frame of a step in its expression.
_FRAME = "dummy"
_SELECT = "H2OColSelect"
_OPERATIONS = ("H2OColOp", "H2OBinaryOp")


@wire_type("rapids.assembly_step")
@dataclass(frozen=True, slots=True)
class Step:
    """``in_place``: whether the result replaces the column it is made of; ``new_names``: names of added columns, if given."""

    name: str
    kind: str
    expression: str
    in_place: bool
    new_names: tuple[str, ...] = ()


@wire_type("rapids.assembly")
@dataclass(frozen=True, slots=True)
class Assembly:
    """Steps that were fitted, in their order."""

    key: str
    steps: tuple[Step, ...]


def parse_step(text: str) -> Step:
    """A step from its text ``name__class__expression__inplace__names``; the names are split by ``|``.

    Raises
    ------
    IllegalArgumentError
        The text has other parts, or the class is unknown.
    """
    # Only the expression may itself hold two underscores.
    head, _, rest = text.partition("__")
    kind, _, rest = rest.partition("__")
    parts = rest.rsplit("__", 2)
    if not head or len(parts) != 3 or parts[1] not in ("True", "False"):
        raise IllegalArgumentError(f"Step {text!r} must be name__class__expression__True|False__names.", argument="steps")
    if kind not in (_SELECT, *_OPERATIONS):
        raise IllegalArgumentError(
            f"Step '{head}' is of the unknown class '{kind}'; it must be one of {_SELECT}, {', '.join(_OPERATIONS)}.",
            argument="steps",
        )
    return Step(head, kind, parts[0], parts[1] == "True", tuple(n for n in parts[2].split("|") if n))


def fit(context: RequestContext, request: AssemblyV99) -> AssemblyV99:
    """POST /99/Assembly"""
    steps = tuple(parse_step(s) for s in request.steps or ())
    if not steps:
        raise IllegalArgumentError("An assembly needs at least one step.", argument="steps")
    node = context.node
    source = node.frames.get(request.frame)
    assembly = Assembly(random_key("assembly_"), steps)
    with _session(context) as session, node.scopes.enter():
        env = Env(session)
        frame = Frame("", source.names, source.vecs)
        for step in steps:
            frame = _transform(env, frame, step)
        result = node.frames.put(frame.renamed(random_key(f"{steps[0].kind}_{source.key}_")))
    node.dkv.put(assembly.key, assembly)
    request.frame = key_ref("Frame", source.key)
    request.result = key_ref("Frame", result.key)
    reference = key_ref("Keyed", assembly.key) or {}
    meta = {"schema_version": 3, "schema_name": "AssemblyKeyV3", "schema_type": "Key<Assembly>"}
    request.assembly = {**reference, "__meta": meta, "type": "Key<Assembly>"}
    return request


@contextmanager
def _session(context: RequestContext) -> Iterator[Session]:
    """A session that ends with the request."""
    sessions = context.runtime.service_named("rapids.sessions")
    name = random_key("_sid_assembly_")
    try:
        yield sessions.get(name)
    finally:
        sessions.end(name)


def _transform(env: Env, frame: Frame, step: Step) -> Frame:
    tree = parse(step.expression)
    value = Env(env.session, {_FRAME: frame}, env).evaluate(tree)
    made = force(env.node, value) if isinstance(value, LazyFrame) else value
    if not isinstance(made, Frame):
        raise BadRequestError(f"Step '{step.name}' must give columns, it gave {describe(made)}.")
    if step.kind == _SELECT:
        return Frame("", made.names, made.vecs)
    if made.n_rows != frame.n_rows:
        raise BadRequestError(f"Step '{step.name}' gave {made.n_rows} rows for a frame of {frame.n_rows}; both must be equal.")
    old = _first_column(tree)
    if old is None:
        raise BadRequestError(f"Step '{step.name}' names no column of the frame: {step.expression}.")
    return _joined(step, frame, old, env.node.frames.align(made.vecs, frame.espc))


def _joined(step: Step, frame: Frame, old: str, made: tuple[Vec, ...]) -> Frame:
    """The frame with the first new column in the place of the old one, or all of them at the end."""
    names, vecs, given = list(frame.names), list(frame.vecs), list(step.new_names)
    if given and len(given) != len(made):
        raise BadRequestError(f"Step '{step.name}' made {len(made)} columns, but has {len(given)} names for them.")
    if step.in_place:
        at = named(frame.names, old)
        names[at], vecs[at] = (given.pop(0) if given else old), made[0]
        made = made[1:]
    for i, vec in enumerate(made):
        names.append(unique_name(names, given[i] if given else f"{old}0"))
        vecs.append(vec)
    return Frame("", tuple(names), tuple(vecs))


def _first_column(tree: Ast) -> str | None:
    """The name of the first column that an expression takes from the frame of its step."""
    if not isinstance(tree, Call):
        return None
    if len(tree.items) == 3 and isinstance(tree.items[1], Ident) and tree.items[1].name == _FRAME:
        picked = tree.items[2]
        return as_strings(picked.value)[0] if isinstance(picked, StrLit | StrsLit) else None
    return next((found for item in tree.items if (found := _first_column(item)) is not None), None)


def java(context: RequestContext, request: AssemblyV99) -> AssemblyV99:
    """GET /99/Assembly.java/{assembly_id}/{file_name}"""
    return _not_built(context, request, "The Java code")


def mojo(context: RequestContext, request: AssemblyV99) -> AssemblyV99:
    """GET /99/Assembly.fetch_mojo_pipeline/{assembly_id}/{file_name}"""
    return _not_built(context, request, "The MOJO pipeline")


def _not_built(context: RequestContext, request: AssemblyV99, what: str) -> AssemblyV99:
    if not isinstance(context.node.dkv.get(request.assembly_id or ""), Assembly):
        raise IllegalArgumentError(f"There is no assembly '{request.assembly_id}'.", argument="assembly_id")
    raise ApiError(
        f"{what} of an assembly is not built. Fit the assembly to each frame instead: POST /99/Assembly with the same steps.",
        status=501,
    )
