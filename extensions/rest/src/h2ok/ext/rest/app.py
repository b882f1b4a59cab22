"""Application: the falcon app that hosts the routes of all active extensions."""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import falcon
import msgspec
from h2ok.capabilities.authentication import authenticated_user
from h2ok.capabilities.catalog import resolve
from h2ok.capabilities.contracts.errors import ApiError, NotFoundError
from h2ok.capabilities.contracts.routes import RequestContext, Response, Route
from h2ok.capabilities.contracts.schema import Schema, to_wire
from h2ok.capabilities.surface import route_not_built
from h2ok.ext.rest.errors import describe
from h2ok.ext.rest.filters import exclude_fields, include_fields
from h2ok.ext.rest.reading import UnsupportedContentError, read_form, read_json, read_query, upload_stream
from h2ok.ext.rest.routing import Match, Router
from h2ok.kernel import H2OKError

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["Application"]

_log = logging.getLogger("h2ok.rest")
_encoder = msgspec.json.Encoder()
_MAX_URI = 65_536
_CSP = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"
_UNMATCHED = {"PUT", "PATCH", "TRACE", "OPTIONS"}


class Application:
    """A WSGI application, one for each runtime (service ``rest.app``)."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.router = Router()
        #: Groups of routes that could not be imported: name -> traceback.
        self.failed: dict[str, str] = {}
        started = time.perf_counter()
        for group in runtime.registry.routes():
            self._add(group.name, group.target)
        self.register_ms = (time.perf_counter() - started) * 1000
        for clash in self.router.clashes:
            _log.warning("Route clash: %s", clash)
        self._falcon = falcon.App()
        self._falcon.add_sink(self._dispatch, "/")
        self._falcon.add_error_handler(Exception, self._on_error)
        self._fixed_headers = {
            "X-h2o-build-project-version": runtime.settings.h2o_version,
            "X-h2o-rest-api-version-max": "3",
            "X-h2o-cluster-id": str(int(runtime.node.cloud.started * 1000)),
            "X-Frame-Options": "deny",
            "X-XSS-Protection": "1; mode=block",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": _CSP,
        }

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = self._falcon(environ, start_response)
        return answer

    def _add(self, name: str, target: str) -> None:
        try:
            self.router.add(name, resolve(target))
        except Exception:  # a broken group of routes must not take the others with it
            self.failed[name] = traceback.format_exc()
            _log.exception("Routes '%s' cannot be loaded", name)

    # -- one request --------------------------------------------------------------------------------------------------

    def _dispatch(self, req: falcon.Request, resp: falcon.Response, **_: Any) -> None:
        self._headers(req, resp)
        raw_path = (req.env.get("RAW_URI") or req.path).split("?", 1)[0]
        if len(req.env.get("RAW_URI") or "") > _MAX_URI:
            resp.status, resp.content_type = 414, "text/plain"
            resp.text = f"The URI is longer than {_MAX_URI} bytes."
            return
        if req.method in _UNMATCHED:
            self._refuse_method(req, resp, raw_path)
            return
        match = self.router.find(req.method, raw_path)
        if match is None and req.method == "HEAD":
            match = self.router.find("GET", raw_path)
        path = unquote(raw_path)
        if match is None:
            url = f"Resource {path}" if req.method in ("GET", "HEAD") else f"{req.method} {path}"
            known = route_not_built("GET" if req.method == "HEAD" else req.method, path)
            why = f": {known}." if known else "."
            self._fail(resp, NotFoundError(f"{url} not found{why} Routes of this server: GET /3/Metadata/endpoints."), url)
            return
        try:
            self._answer(req, resp, match, path)
        except UnsupportedContentError as e:
            resp.status, resp.content_type, resp.text = 400, "text/plain", str(e)
        except BlockingIOError:
            self._fail(resp, ApiError("The body did not arrive in time. Send it again.", status=408), path)
        except falcon.HTTPError as e:
            self._fail(resp, ApiError(e.description or e.title or "Malformed request.", status=e.status_code), path)
        except Exception as e:
            self._fail(resp, e, path, match.params)

    def _answer(self, req: falcon.Request, resp: falcon.Response, match: Match, path: str) -> None:
        route = match.bound.route
        context = RequestContext(
            self.runtime,
            method=req.method,
            path=path,
            path_params=match.params,
            headers={k.lower(): v for k, v in req.headers.items()},
            content_type=req.content_type or "",
            content_length=req.content_length,
        )
        context.user = authenticated_user(context)
        params = self._params(req, route, context)
        excluded, included = params.get("_exclude_fields") or "", params.pop("_include_fields", None) or ""
        request = None
        if route.input is not None:
            request = _parse(resolve(route.input), params, route.lenient)
        result = resolve(route.handler)(context, request)
        if isinstance(result, Response):
            self._write(req, resp, result)
            return
        body = result.to_json() if isinstance(result, Schema) else to_wire(result)
        resp.data = encode(include_fields(exclude_fields(body, str(excluded)), str(included)))
        resp.content_type = "application/json"

    def _params(self, req: falcon.Request, route: Route, context: RequestContext) -> dict[str, Any]:
        settings = self.runtime.settings
        query = read_query(req.query_string, settings)
        params: dict[str, Any] = dict(query)
        if route.raw_body:
            context.body, context.content_type = upload_stream(req)
        elif req.method not in ("GET", "HEAD"):
            body = read_json(req, settings) if route.json_body else None
            params.update(read_form(req, settings) if body is None else body)
        params.update(context.path_params)
        context.query, context.params = query, params
        return params

    def _write(self, req: falcon.Request, resp: falcon.Response, result: Response) -> None:
        resp.status, resp.content_type = result.status, result.content_type
        for name, value in result.headers.items():
            resp.set_header(name, value)
        if isinstance(result.body, str):
            resp.data = result.body.encode("utf-8", "replace")
        elif isinstance(result.body, (bytes, bytearray, memoryview)):
            resp.data = bytes(result.body)
        elif "gunicorn.socket" in req.env:
            # Our server sends buffers as they are; others know bytes only.
            resp.stream = result.body  # type: ignore[assignment]
        else:
            resp.stream = (b"".join(piece) if isinstance(piece, tuple) else piece for piece in result.body)

    def _refuse_method(self, req: falcon.Request, resp: falcon.Response, raw_path: str) -> None:
        if req.method == "PUT":
            e = NotFoundError("Bad HTTP method: PUT. Use GET, POST or DELETE.", status=400)
            e.exception_type = "java.net.MalformedURLException"
            self._fail(resp, e, unquote(raw_path))
            return
        resp.status = {"PATCH": 501, "TRACE": 405, "OPTIONS": 200}[req.method]
        resp.content_type = "text/plain"

    def _headers(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.set_headers(self._fixed_headers)
        cloud = self.runtime.node.cloud
        resp.set_header("X-h2o-cluster-good", "true" if cloud.consensus else "false")
        if req.get_header("X-Requested-With") == "XMLHttpRequest":
            resp.set_header("Cache-Control", "no-cache")

    def _fail(self, resp: falcon.Response, error: Exception, url: str, params: dict[str, str] | None = None) -> None:
        owner = None if isinstance(error, H2OKError) else self.runtime.registry.blamed(error)
        answer = describe(error, url, params, owner.origin if owner is not None else "")
        resp.status, resp.content_type, resp.data = answer.status, "application/json", encode(answer.body)
        if answer.status == 401:
            resp.set_header("WWW-Authenticate", 'Basic realm="h2ok"')

    def _on_error(self, req: falcon.Request, resp: falcon.Response, error: Exception, _: Any) -> None:
        """Errors of falcon itself: malformed requests."""
        self._headers(req, resp)
        status = getattr(error, "status_code", None)
        wrapped = error if status is None else NotFoundError(getattr(error, "description", None) or str(error), status=status)
        self._fail(resp, wrapped, req.path)


def encode(body: Any) -> bytes:
    """JSON bytes of plain values."""
    try:
        return _encoder.encode(body)
    except (UnicodeEncodeError, OverflowError, TypeError):
        # Lone surrogates in keys and integers beyond 64 bits are rare; the standard library writes them.
        return json.dumps(body).encode("ascii")


def _parse(schema: type[Schema], params: dict[str, Any], lenient: bool) -> Schema:
    known = {f.wire_name for f in schema.api_fields.values()}
    if lenient:
        params = {k: v for k, v in params.items() if k in known}
    elif "_exclude_fields" not in known:
        params = {k: v for k, v in params.items() if k != "_exclude_fields"}
    parsed: Schema = schema.parse(params)
    return parsed
