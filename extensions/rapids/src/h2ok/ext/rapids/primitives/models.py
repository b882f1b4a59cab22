"""Primitives that need models. They find what is stored and say what is missing where no part of h2ok can do the work yet."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.errors import ApiError, BadRequestError
from h2ok.capabilities.contracts.primitive import Primitive
from h2ok.ext.rapids.ast import Ast, Ident
from h2ok.ext.rapids.evaluate import Env, describe
from h2ok.ext.rapids.family import Family
from h2ok.kernel import Frame

__all__ = ["PRIMITIVES", "UNAVAILABLE"]

family = Family()
PRIMITIVES = family.primitives

#: name -> (arguments, what it does, what it needs).
_MISSING: dict[str, tuple[str, str, str]] = {
    "model.testJavaScoring": ("model fr preds eps", "Compare scoring in and out of the cloud.", "exported scoring code"),
    "transform": ("model frame_key", "Transform a frame by a model.", "transforming models"),
    "mojo.pipeline.transform": ("pipeline fr allow_timestamps", "Score by an imported pipeline.", "pipelines"),
    "word2vec.to.frame": ("model", "Words and vectors of a model.", "word vectors"),
    "rulefit.predict.rules": ("model fr rule_ids", "Which rules hold in which rows.", "rule models"),
    "run_tool": (
        "class args",
        "Run a tool of the server.",
        "server tools, which run classes named by a client and are refused on purpose",
    ),
    "testing.setreadforbidden": ("list", "Test aid.", "test aids in a production server"),
}


def _unavailable(name: str, args: str, help: str, needs: str) -> Primitive:
    def fail(env: Env, *values: Ast) -> Any:
        raise ApiError(
            f"'{name}' is not available: no active extension supports {needs}. "
            "An extension may provide the primitive; installed ones: GET /3/Capabilities/Extensions.",
            status=412,
            exception_type="water.exceptions.H2OIllegalArgumentException",
            primitive=name,
        )

    words = tuple(args.split())
    return Primitive(name, fail, len(words), words, help, lazy=True)


#: H2O's primitives that nothing here can do. They stand in no declaration, so that any extension may provide them.
UNAVAILABLE = {name: _unavailable(name, *rest) for name, rest in _MISSING.items()}


@family("result", "model", "The frame that a model made.", lazy=True)
def result(env: Env, model: Ast) -> Frame:
    value = env.evaluate(model)
    if isinstance(value, str) and not isinstance(model, Ident):
        value = env.lookup(value)
    for name in ("result_frame", "output_frame"):
        key = getattr(value, name, None) or getattr(getattr(value, "output", None), name, None)
        if isinstance(key, str):
            return env.node.frames.get(key)
    raise BadRequestError(f"result needs a model that makes a frame, found {describe(value)}.")
