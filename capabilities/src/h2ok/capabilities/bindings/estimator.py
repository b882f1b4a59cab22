"""Estimator classes for the official Python client, made at run time from an algorithm's metadata."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Mapping
from typing import Any

from h2ok.capabilities.bindings.metadata import class_stem, describe_algorithm

__all__ = ["argument_name", "estimator", "estimator_class"]

_KINDS = {"int": int, "long": int, "short": int, "byte": int, "boolean": bool, "string": str, "enum": str, "VecSpecifier": str}
_FRAMES = ("Key<Frame>",)


class _Connected:
    """Metadata of the server the client is connected to."""

    def get(self, path: str) -> Any:
        import h2o

        return h2o.api(f"GET {path}")


def estimator(algo: str) -> type[Any]:
    """The estimator class of an algorithm of the server that ``h2o.connect`` leads to.

    Use it as any other: ``estimator("knn")(k=5).train(y="kind", training_frame=frame)``, in grids and in cross-validation.

    Raises
    ------
    h2o.exceptions.H2OResponseError
        The server does not know the algorithm; the message says which extension would bring it.
    """
    return estimator_class(describe_algorithm(_Connected(), algo))


def estimator_class(described: Mapping[str, Any]) -> type[Any]:
    """A subclass of H2OEstimator with the parameters of a description as arguments and checked properties."""
    from h2o import estimators
    from h2o.estimators.estimator_base import H2OEstimator

    name = f"H2O{class_stem(described)}Estimator"
    parameters = {argument_name(p["name"]): p for p in described["parameters"]}
    defaults = {n: python_default(p) for n, p in parameters.items()}

    def __init__(self: Any, **given: Any) -> None:  # noqa: N807 - becomes the class's own
        unknown = set(given) - set(defaults)
        if unknown:
            raise TypeError(f"{name} has no parameter {', '.join(sorted(unknown))}. Parameters: {', '.join(defaults)}.")
        H2OEstimator.__init__(self)
        self._parms = {}
        self._id = self._parms["model_id"] = given.get("model_id")
        for n, default in defaults.items():
            # The client's own property model_id would rename a model of the server.
            if n != "model_id":
                setattr(self, n, given.get(n, default))

    signature = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    signature += [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d) for n, d in defaults.items()]
    __init__.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    body: dict[str, Any] = {n: _property(p) for n, p in parameters.items() if n != "model_id"}
    lines = [f":param {n}: {p['help']} Default: ``{defaults[n]!r}``." for n, p in parameters.items()]
    body |= {
        "algo": described["algo"],
        "supervised_learning": bool(described.get("supervised", "response_column" in parameters)),
        "__init__": __init__,
        "__doc__": f"{described['algo_full_name']}.\n\n" + "\n".join(lines),
        "__module__": __name__,
    }
    made = type(name, (H2OEstimator,), body)
    # What the client makes models of grids and of h2o.get_model from.
    estimators._estimator_cls_by_algo_[described["algo"]] = made
    return made


def argument_name(name: str) -> str:
    """A parameter as an argument: ``lambda_`` for lambda, as in the client's own classes."""
    return f"{name}_" if keyword.iskeyword(name) else name


def _property(p: Mapping[str, Any]) -> property:
    name, check = p["name"], checked_type(p)

    def get(self: Any) -> Any:
        return self._parms.get(name)

    def put(self: Any, value: Any) -> None:
        from h2o.utils.typechecks import assert_is_type

        if p["type"] in _FRAMES:
            from h2o.frame import H2OFrame

            value = H2OFrame._validate(value, name)
        elif check is not None:
            assert_is_type(value, None, check)
        self._parms[name] = value

    return property(get, put, doc=p["help"])


def checked_type(p: Mapping[str, Any]) -> Any:
    """The type a value of a parameter is checked against by the client; None for no check."""
    from h2o.utils.typechecks import Enum, numeric

    kind = str(p["type"])
    if kind == "enum" and p["values"]:
        return Enum(*p["values"])
    if kind.endswith("[]"):
        inner = {**_KINDS, "double": numeric, "float": numeric}.get(kind[:-2])
        return [inner] if inner is not None else None
    return {**_KINDS, "double": numeric, "float": numeric}.get(kind)


def python_default(p: Mapping[str, Any]) -> Any:
    """The default as a Python value: keys and columns by their names."""
    value = p["default_value"]
    if isinstance(value, Mapping):
        return value.get("name") or value.get("column_name")
    if isinstance(value, str) and p["type"] in ("double", "float"):
        return float(value.replace("Infinity", "inf"))
    return value
