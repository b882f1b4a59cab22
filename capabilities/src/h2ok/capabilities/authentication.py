"""Who sends a request: authenticators of active extensions, asked in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from h2ok.capabilities.contracts.extension import Auth

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.routes import RequestContext

__all__ = ["authenticated_user"]


def authenticated_user(request: RequestContext) -> str | None:
    """The user of a request: what the first authenticator with an opinion says.

    Raises
    ------
    Exception
        Whatever an authenticator raised; the request must not be answered then.
    """
    runtime = request.runtime
    user: str | None = runtime.hooks.authenticate(runtime=runtime, request=request)
    for declared in runtime.registry.provided(Auth) if user is None else ():
        user = runtime.service(runtime.registry.load(declared)).authenticate(request)
        if user is not None:
            return user
    return user
