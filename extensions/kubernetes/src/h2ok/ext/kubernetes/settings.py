"""PodSettings: the variables by which H2O's charts describe a pod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from h2ok.kernel import IllegalArgumentError

__all__ = ["PodSettings"]

_SERVICE, _TIMEOUT = "H2O_KUBERNETES_SERVICE_DNS", "H2O_NODE_LOOKUP_TIMEOUT"
_COUNT, _API_PORT = "H2O_NODE_EXPECTED_COUNT", "H2O_KUBERNETES_API_PORT"
#: Seconds of looking when nothing says when to stop.
_DEFAULT_SECONDS = 180


@dataclass(frozen=True, slots=True)
class PodSettings:
    """What the environment says.

    Parameters
    ----------
    service : DNS name of the headless service; empty outside of Kubernetes.
    seconds : how long pods are looked for at most; None for as long as it takes to find ``count``.
    count : pods to find; None for as many as there are when the time is over.
    api_port : where the leader probe listens; 0 for any free port.
    """

    service: str = ""
    seconds: float | None = float(_DEFAULT_SECONDS)
    count: int | None = None
    api_port: int = 8080

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> PodSettings:
        """The settings in the environment.

        Raises
        ------
        IllegalArgumentError
            A number is none, or out of range.
        """
        seconds, count = _number(environment, _TIMEOUT, 1), _number(environment, _COUNT, 1)
        if seconds is None and count is None:
            seconds = _DEFAULT_SECONDS
        port = _number(environment, _API_PORT, 0)
        if port is not None and port > 65535:
            raise IllegalArgumentError(f"{_API_PORT} must be a port from 0 to 65535; got {port}.", argument=_API_PORT)
        return cls(environment.get(_SERVICE, "").strip(), seconds, count, 8080 if port is None else port)


def _number(environment: Mapping[str, str], name: str, least: int) -> int | None:
    text = environment.get(name, "").strip()
    if not text:
        return None
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise IllegalArgumentError(f"{name} must be a whole number of at least {least}; got '{text}'.", argument=name)
    return value
