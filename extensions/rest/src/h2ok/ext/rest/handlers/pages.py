"""Handlers of web pages: the status page and its files."""

# ruff: noqa: ARG001 - every handler takes (context, request)
from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from h2ok.capabilities.contracts.errors import NotFoundError
from h2ok.capabilities.contracts.routes import RequestContext, Response

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
_PAGES = ("index.html", "page.js", "page.css", "icon.svg")


def root(context: RequestContext, request: Any) -> Response:
    if context.method == "HEAD":
        return Response(b"", content_type="text/plain")
    return Response(b"", status=301, content_type="text/plain", headers={"Location": "/flow/index.html"})


def page(context: RequestContext, request: Any) -> Response:
    return _page(context.path_params.get("name", "index.html"))


def icon(context: RequestContext, request: Any) -> Response:
    return _page("icon.svg")


def _page(name: str) -> Response:
    if name not in _PAGES:
        raise NotFoundError(f"Resource /flow/{name} not found. The page is /flow/index.html.")
    return Response(_read(name), content_type=_TYPES[name.rsplit(".", 1)[-1]])


@cache
def _read(name: str) -> bytes:
    return files("h2ok.ext.rest").joinpath("pages", name).read_bytes()
