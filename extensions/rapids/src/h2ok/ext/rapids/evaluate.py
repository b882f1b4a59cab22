"""Env: where an expression is evaluated - the node, the session and the names in sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.primitive import MapOfFrames, Primitive
from h2ok.ext.rapids.ast import Ast, Call, Func, Ident, StrLit
from h2ok.ext.rapids.fused import LazyFrame, RowBatch, force
from h2ok.ext.rapids.parser import IllegalASTError
from h2ok.ext.rapids.values import Numbers, Row
from h2ok.kernel import Frame, H2OKError, Node

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["CONSTANTS", "Closure", "Env", "Keeper", "VerbatimError", "describe"]

_NAN = float("nan")
#: Applications that one expression may make.
MAX_STEPS = 5_000_000
CONSTANTS: dict[str, float] = {
    **dict.fromkeys(("TRUE", "True", "true"), 1.0),
    **dict.fromkeys(("FALSE", "False", "false"), 0.0),
    **dict.fromkeys(("NaN", "NA", "nan"), _NAN),
    **dict.fromkeys(("PI", "Pi"), float(np.pi)),
}


class VerbatimError(BadRequestError):
    """An error whose text programs compare with H2O's: the position stands in its values only."""


class Keeper(Protocol):
    """What an expression needs of the session it belongs to; ``session.Session`` is one."""

    id: str
    runtime: Runtime
    settings: dict[str, Any]
    views: dict[str, frozenset[str]]

    def primitive(self, name: str) -> Primitive | None:
        """The primitive of that name."""

    def store_temp(self, env: Env, key: str, frame: Frame, roots: frozenset[str] = frozenset()) -> Frame:
        """Store a temporary of the session; ``roots``: keys of the stored frames whose columns it is."""

    def store_global(self, env: Env, key: str, frame: Frame) -> Frame:
        """Store a frame for everybody."""

    def remove(self, env: Env, key: str) -> bool:
        """Remove what is stored; whether there was something."""

    def rename(self, env: Env, old: str, new: str) -> None:
        """Move what is stored to another key."""


@dataclass(frozen=True, slots=True, eq=False)
class Closure:
    """A function made by ``{ x . body }``, with the names visible where it stands."""

    func: Func
    env: Env

    @property
    def arity(self) -> int:
        return len(self.func.params)

    def __str__(self) -> str:
        return str(self.func)


class Env:
    """What a primitive is given first.

    Parameters
    ----------
    session : the session the expression belongs to.
    names : parameters of the function being applied, on top of those of ``parent``.
    """

    __slots__ = ("_names", "_parent", "_steps", "node", "runtime", "session", "stored")

    def __init__(self, session: Keeper, names: Mapping[str, Any] | None = None, parent: Env | None = None) -> None:
        self.session = session
        self.runtime: Runtime = session.runtime
        self.node: Node = session.runtime.node
        self._names = names or {}
        self._parent = parent
        #: Keys stored by this expression, shared by all its environments.
        self.stored: set[str] = parent.stored if parent is not None else set()
        self._steps: list[int] = parent._steps if parent is not None else [0]

    # -- evaluation ---------------------------------------------------------------------------------------------------

    def evaluate(self, tree: Ast) -> Any:
        """The value of a tree; a frame may be a LazyFrame (see ``frame``)."""
        if isinstance(tree, Call):
            try:
                return self._call(tree)
            except H2OKError as e:
                _locate(e, tree)
                raise
        if isinstance(tree, Ident):
            return self.lookup(tree.name)
        if isinstance(tree, Func):
            return Closure(tree, self)
        return tree.value

    def forced(self, tree: Ast) -> Any:
        """The value of a tree, frames materialised."""
        value = self.evaluate(tree)
        return force(self.node, value) if isinstance(value, LazyFrame) else value

    def apply(self, fn: Any, values: Sequence[Any]) -> Any:
        """Apply a function value to values.

        Raises
        ------
        BadRequestError
            ``fn`` is no function, or takes another number of arguments.
        """
        if isinstance(fn, Closure):
            if len(values) != fn.arity:
                raise _arity_error(str(fn), str(fn.arity), len(values))
            return Env(self.session, dict(zip(fn.func.params, values, strict=True)), fn.env).evaluate(fn.func.body)
        if isinstance(fn, Primitive):
            _check_arity(fn, len(values))
            if not fn.lazy:
                return fn.fn(self, *values)
            names = tuple(f"\x00{i}" for i in range(len(values)))
            inner = Env(self.session, dict(zip(names, values, strict=True)), self)
            return fn.fn(inner, *(Ident(n) for n in names))
        raise BadRequestError(f"Expected a function, found {describe(fn)}.")

    def _call(self, tree: Call) -> Any:
        if not tree.items:
            raise IllegalASTError(f"An empty application '()' at position {tree.position} has no value; a function was expected.")
        # SECURITY: functions applied to functions can go on for ever.
        self._steps[0] += 1
        if self._steps[0] > MAX_STEPS:
            raise BadRequestError(f"The expression applies functions more than {MAX_STEPS} times; split it.")
        fn = self.evaluate(tree.items[0])
        n = len(tree.items) - 1
        if isinstance(fn, Primitive):
            _check_arity(fn, n)
            if fn.lazy:
                return fn.fn(self, *tree.items[1:])
        elif not isinstance(fn, Closure):
            raise BadRequestError(f"Expected a function, found {describe(fn)} in '{_shorten(tree)}'.")
        elif n != fn.arity:
            raise _arity_error(str(fn), str(fn.arity), n)
        values = []
        for item in tree.items[1:]:
            values.append(self.forced(item))
        if isinstance(fn, Primitive):
            return fn.fn(self, *values)
        return Env(self.session, dict(zip(fn.func.params, values, strict=True)), fn.env).evaluate(fn.func.body)

    # -- names --------------------------------------------------------------------------------------------------------

    def lookup(self, name: str) -> Any:
        """The value of a name: parameter, constant, stored object, primitive - in this order.

        Raises
        ------
        BadRequestError
            The name is none of them.
        """
        env: Env | None = self
        while env is not None:
            if name in env._names:
                return env._names[name]
            env = env._parent
        if name in CONSTANTS:
            return CONSTANTS[name]
        stored = self.node.dkv.get(self.expand(name))
        if stored is not None:
            return stored
        primitive = self.session.primitive(name)
        if primitive is not None:
            return primitive
        raise BadRequestError(
            f"Name lookup of '{name}' failed: it is no parameter, constant, stored object or primitive. "
            f"{self.node.dkv.loss_of(self.expand(name))}Objects: (ls). Primitives: GET /99/Rapids/help.",
            name=name,
        )

    def expand(self, name: str) -> str:
        """A key name with ``$id`` made private to the session: ``id~session``."""
        return f"{name[1:]}~{self.session.id}" if name.startswith("$") and len(name) > 1 else name

    def text(self, tree: Ast) -> str:
        """A word given as a string or as a bare name; other trees are evaluated and must give a string.

        Raises
        ------
        BadRequestError
            It is something else.
        """
        if isinstance(tree, Ident) and not tree.name.startswith("\x00"):
            return tree.name
        value = tree.value if isinstance(tree, StrLit) else self.evaluate(tree)
        if isinstance(value, Primitive):
            return value.name
        if not isinstance(value, str):
            raise BadRequestError(f"Expected a name or a string, found {describe(value)}.")
        return value

    # -- frames -------------------------------------------------------------------------------------------------------

    def frame(self, value: Any) -> Frame:
        """A materialised frame.

        Raises
        ------
        BadRequestError
            The value is no frame.
        """
        if isinstance(value, LazyFrame):
            return force(self.node, value)
        if not isinstance(value, Frame):
            raise BadRequestError(f"Expected a frame, found {describe(value)}.")
        return value


def describe(value: Any) -> str:
    """A value in words, for messages."""
    if isinstance(value, bool | int | float):
        return f"the number {float(value):g}"
    if isinstance(value, str):
        return f"the string {value[:40]!r}"
    if isinstance(value, Frame | LazyFrame):
        return f"a frame of {value.n_rows} rows and {len(value.names)} columns"
    kinds: list[tuple[Any, str]] = [
        (Numbers, "a list of numbers"),
        (tuple, "a list of strings"),
        ((Row, RowBatch), "a row"),
        ((Closure, Primitive), "a function"),
        (MapOfFrames, "a map of frames"),
    ]
    return next((words for kind, words in kinds if isinstance(value, kind)), f"a {type(value).__name__}")


def _locate(error: H2OKError, tree: Call) -> None:
    """Say where in the expression an error happened; the innermost application counts."""
    if "position" in error.values or not error.args:
        return
    head = str(tree.items[0]) if tree.items and isinstance(tree.items[0], Ident) else ""
    error.values.update(position=tree.position, **({"primitive": head} if head else {}))
    if isinstance(error, VerbatimError):
        return
    error.message = f"{error.message} At position {tree.position}: {_shorten(tree)}"
    error.args = (f"{error.args[0]} At position {tree.position}: {_shorten(tree)}", *error.args[1:])


def _check_arity(p: Primitive, n: int) -> None:
    least, most = p.arity if isinstance(p.arity, tuple) else (p.arity, p.arity)
    if n < least or (most is not None and n > most):
        expected = str(least) if least == most else f"at least {least}" if most is None else f"{least} to {most}"
        raise _arity_error(p.name, expected, n, p.args)


def _arity_error(name: str, expected: str, got: int, args: Sequence[str] = ()) -> BadRequestError:
    hint = f" ({' '.join((name, *args))})" if args else ""
    return BadRequestError(f"Incorrect number of arguments; '{name}' expects {expected} but was passed {got}.{hint}")


def _shorten(tree: Ast) -> str:
    text = str(tree)
    return text if len(text) <= 80 else text[:77] + "..."
