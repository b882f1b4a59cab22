"""Sequences of expressions, listing keys, system settings."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.ast import Ast
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.kernel import Frame, Job

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives


@family(",", "exprs...", "Evaluate in order; the value of the last.", lazy=True)
def sequence(env: Env, *exprs: Ast) -> Any:
    if not exprs:
        raise BadRequestError("',' needs at least one expression.")
    for e in exprs[:-1]:
        env.forced(e)
    return env.evaluate(exprs[-1])


@family("ls", "", "The keys of all objects that users see, sorted.")
def list_keys(env: Env) -> Frame:
    values = env.node.dkv.get_many(env.node.dkv.keys())
    keys = sorted(k for k, v in values.items() if v is not None and not isinstance(v, Job))
    return Frame("", ("key",), (env.node.frames.vec_of(range(len(keys)), "enum", keys),))


@family("setproperty", "name value", "Set a named setting of the server; tells the old values.")
def set_property(env: Env, name: Any, value: Any) -> str:
    key, new = args.as_string(name, "name"), args.as_string(value, "value")
    old = env.session.settings.get(key)
    env.session.settings[key] = new
    return f"Old values of {key} (per node): {'null' if old is None else old}"
