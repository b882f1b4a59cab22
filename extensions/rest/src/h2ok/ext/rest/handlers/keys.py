"""Handlers of the key-value store: removal of keys."""

from __future__ import annotations

from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.contracts.schema import key_ref
from h2ok.capabilities.removal import remove_all, remove_key
from h2ok.ext.rest.schemas.frames import RemoveAllV3, RemoveV3


def delete_key(context: RequestContext, request: RemoveV3) -> RemoveV3:
    if request.key:
        remove_key(context.runtime, request.key, cascade=bool(request.cascade))
    request.key = key_ref("Keyed", request.key)
    return request


def delete_all_keys(context: RequestContext, request: RemoveAllV3) -> RemoveAllV3:
    kept = [k for k in request.retained_keys or [] if k]
    remove_all(context.runtime, kept)
    request.retained_keys = [key_ref("Keyed", k) for k in kept] or None  # type: ignore[assignment]
    return request
