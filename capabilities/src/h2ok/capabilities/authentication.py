"""Who sends a request: authenticators of active extensions, asked in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from h2ok.capabilities.catalog import Catalog, ExtensionError, said
from h2ok.capabilities.contracts.extension import Auth
from h2ok.kernel import H2OKError

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.routes import RequestContext
    from h2ok.capabilities.loading import Loaded

__all__ = ["authenticated_user"]

_Ask = Callable[[], str | None]


def authenticated_user(request: RequestContext) -> str | None:
    """The user of a request: what the first authenticator with an opinion says.

    Raises
    ------
    ApiError
        An authenticator refuses the request.
    ExtensionError
        An authenticator failed, which nobody gets past; the text names its extension.
    """
    for owner, ask in _authenticators(request):
        try:
            user = ask()
        except H2OKError:
            raise
        except Exception as e:
            raise _failed(owner, e) from e
        if user is not None:
            return user
    return None


def _authenticators(request: RequestContext) -> Iterator[tuple[Loaded | None, _Ask]]:
    """Hooks of core extensions in pluggy's order, then declared authenticators, each with its extension."""
    runtime = request.runtime
    catalog: Catalog = runtime.registry
    given = {"runtime": runtime, "request": request}
    for impl in reversed(runtime.hooks.authenticate.get_hookimpls()):
        yield catalog.owner(impl.plugin_name), lambda impl=impl: impl.function(**{n: given[n] for n in impl.argnames})  # type: ignore[misc]
    for x in catalog.loaded:
        for declared in x.extension.provides if x.state == "active" and x.extension is not None else ():
            if isinstance(declared, Auth):
                yield x, lambda d=declared: runtime.service(catalog.load(d)).authenticate(request)  # type: ignore[misc]


def _failed(owner: Loaded | None, error: Exception) -> ExtensionError:
    name, origin = (owner.name, owner.origin) if owner is not None else ("", "?")
    text = f"The authenticator of extension {origin} failed: {said(error)} Nobody is let in while it does."
    if owner is not None:
        owner.warn(text)
    return ExtensionError(f"{text} Update the package, or start without it: --no-ext {name}.", extension=name)
