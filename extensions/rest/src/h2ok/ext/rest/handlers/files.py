"""Handlers of file names."""

from __future__ import annotations

from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.registry import resolve
from h2ok.ext.rest.schemas.metadata import TypeaheadV3

_MAX_MATCHES = 1000


def typeahead(context: RequestContext, request: TypeaheadV3) -> TypeaheadV3:
    """Objects whose name begins with ``src``; none where there is no such folder, or it may not be read."""
    src = request.src or ""
    scheme = src.partition("://")[0] if "://" in src else ""
    persist = context.runtime.registry.persist_for(scheme)
    folder = src.rpartition("/")[0] + "/"
    request.matches = []
    if persist is None or "/" not in src:
        return request
    limit = request.limit if request.limit and request.limit > 0 else _MAX_MATCHES
    try:
        entries = context.runtime.service(resolve(persist.target)).list(folder)
    except (OSError, ValueError):
        return request
    request.matches = sorted(e.uri for e in entries if e.uri.startswith(src))[: min(limit, _MAX_MATCHES)]
    return request
