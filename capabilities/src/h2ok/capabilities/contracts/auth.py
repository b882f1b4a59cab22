"""The Auth contract: who may ask. Since API 1.1."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from h2ok.capabilities.contracts.errors import ApiError

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.routes import RequestContext
    from h2ok.capabilities.runtime import Runtime

__all__ = ["Authenticator", "refused"]


class Authenticator(ABC):
    """Looks at every request before its handler. Thread-safe; made once a node.

    SECURITY: whatever ``authenticate`` raises refuses the request, and an authenticator that cannot be made refuses all of them.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    @abstractmethod
    def authenticate(self, request: RequestContext) -> str | None:
        """The user of a request; None when this authenticator has no opinion (the next one is asked).

        ``request.headers`` holds the headers by lower-case name. Compare secrets with ``hmac.compare_digest``.

        Raises
        ------
        ApiError
            With status 401 (``refused``): the request is not answered.
        """


def refused(message: str) -> ApiError:
    """The error that refuses a request: 401, and the client is asked for credentials."""
    return ApiError(message, status=401, exception_type="java.lang.SecurityException")
