"""Finding frames and models by key, with the errors H2O answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.models.model import Model
from h2ok.kernel import ClassMismatchError, Frame, KeyNotFoundError

if TYPE_CHECKING:
    from h2ok.kernel import Node

__all__ = ["find_frame", "find_model", "models", "optional_frame"]


def optional_frame(node: Node, key: str | None, field: str) -> Frame | None:
    """The frame a parameter names, None when it names none.

    Raises
    ------
    BadRequestError
        No such object.
    ClassMismatchError
        It is no frame.
    """
    if key is None:
        return None
    value = node.dkv.get(key)
    if value is None:
        raise BadRequestError(
            f"Object '{key}' given as {field} is not in the store. Frames: GET /3/Frames.", argument=field, name=key
        )
    if not isinstance(value, Frame):
        raise ClassMismatchError(f"Object '{key}' given as {field} is a {type(value).__name__}, a Frame was expected.", key=key)
    return value


def find_model(node: Node, key: str, **values: Any) -> Model:
    """The model under a key; ``values`` are told to the client when there is none.

    Raises
    ------
    KeyNotFoundError
        No such object.
    ClassMismatchError
        It is no model.
    """
    value = node.dkv.get(key)
    if value is None:
        argument = values.get("argument", "key")
        known = {"argument": argument, "name": key, **values}
        loss = node.dkv.loss_of(key)
        raise KeyNotFoundError(f"Object '{key}' not found for argument: {argument}. {loss}Models: GET /3/Models.", **known)
    if not isinstance(value, Model):
        raise ClassMismatchError(f"Object '{key}' is a {type(value).__name__}, a Model was expected.", key=key)
    return value


def find_frame(node: Node, key: str, **values: Any) -> Frame:
    """The frame under a key. Raises as ``find_model``."""
    value = node.dkv.get(key)
    if value is None:
        argument = values.get("argument", "key")
        known = {"argument": argument, "name": key, **values}
        loss = node.dkv.loss_of(key)
        raise KeyNotFoundError(f"Object '{key}' not found for argument: {argument}. {loss}Frames: GET /3/Frames.", **known)
    if not isinstance(value, Frame):
        raise ClassMismatchError(f"Object '{key}' is a {type(value).__name__}, a Frame was expected.", key=key)
    return value


def models(node: Node) -> list[Model]:
    """All stored models, by key."""
    found = node.dkv.get_many(node.dkv.keys())
    return [v for _, v in sorted(found.items()) if isinstance(v, Model)]
