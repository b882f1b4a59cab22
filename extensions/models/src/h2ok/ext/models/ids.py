"""Ids of models and frames that nobody named."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from h2ok.kernel import wire_type

if TYPE_CHECKING:
    from h2ok.kernel import Node

__all__ = ["automatic_id", "client_name", "prediction_key"]

_COUNTER = "\x01models.counter"


@wire_type("models.count")
@dataclass(frozen=True, slots=True)
class _Count:
    def apply(self, old: Any) -> tuple[Any, int]:
        n = (old or 0) + 1
        return n, n


def client_name(user_agent: str) -> str:
    """The client's name in ids: python, safari, or the leading letters of the User-Agent (R, curl)."""
    if "Python" in user_agent:
        return "python"
    if "Safari" in user_agent:
        return "safari"
    found = re.match(r"[A-Za-z]+", user_agent)
    return found.group(0) if found else "rest"


def automatic_id(node: Node, stem: str, user_agent: str = "") -> str:
    """``GBM_model_python_<start of the cloud in ms>_<n>``; n counts the models of the cloud."""
    n = node.dkv.atomic(_COUNTER, _Count())
    return f"{stem}_model_{client_name(user_agent)}_{int(node.cloud.started * 1000)}_{n}"


def prediction_key(prefix: str, model: str, frame: str) -> str:
    """``transformation_8287_gbm1_on_te``: a new key for predictions."""
    return f"{prefix}_{secrets.token_hex(2)}_{model}_on_{frame}"
