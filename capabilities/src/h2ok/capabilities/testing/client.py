"""Client: requests to the REST application of a runtime, without a socket."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes, urlencode, urlsplit

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["Answer", "Client"]

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(slots=True)
class Answer:
    """An HTTP answer. ``headers`` by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """``get``, ``post``, ``delete`` return the JSON of an answer whose status is the expected one (200 unless told)."""

    def __init__(self, app: WsgiApp) -> None:
        self.app = app

    @classmethod
    def of(cls, runtime: Runtime) -> Client:
        """A client of the runtime's REST application."""
        return cls(runtime.service_named("rest.app"))

    def get(self, path: str, /, expect: int = 200, **params: Any) -> Any:
        """JSON of GET; parameters go to the query."""
        return self._json("GET", path, expect, params=params)

    def delete(self, path: str, /, expect: int = 200, **params: Any) -> Any:
        """JSON of DELETE; parameters go to the query."""
        return self._json("DELETE", path, expect, params=params)

    def post(self, path: str, /, expect: int = 200, body_json: Any = None, **form: Any) -> Any:
        """JSON of POST with form fields written as the official client writes them, or a JSON body."""
        if body_json is not None:
            return self._json("POST", path, expect, data=json.dumps(body_json).encode(), content_type="application/json")
        data = urlencode({k: form_text(v) for k, v in form.items() if v is not None}).encode()
        return self._json("POST", path, expect, data=data, content_type="application/x-www-form-urlencoded")

    def send(self, path: str, /, form: Mapping[str, Any]) -> Answer:
        """The answer to a POST of form fields, whatever its status."""
        data = urlencode({k: form_text(v) for k, v in form.items()}).encode()
        return self.request("POST", path, data=data, content_type="application/x-www-form-urlencoded")

    def job(self, answer: Any, timeout: float = 60.0) -> Any:
        """Poll the job of an answer (JobV3, or an object with ``job``) until it ends; the job's last JSON."""
        import time

        job = answer.get("job") or answer
        deadline = time.monotonic() + timeout
        while job["status"] in ("CREATED", "RUNNING", "CANCEL_PENDING"):
            assert time.monotonic() < deadline, f"Job {job['key']['name']} still runs after {timeout} s."
            job = self.get("/3/Jobs/" + quote(job["key"]["name"]))["jobs"][0]
            time.sleep(0.01)
        return job

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: bytes = b"",
        content_type: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to any request; ``path`` as it is on the wire, with or without a query."""
        split = urlsplit(path)
        query = "&".join(filter(None, (split.query, urlencode({k: form_text(v) for k, v in (params or {}).items()}))))
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(split.path).decode("latin-1"),
            "RAW_URI": split.path + ("?" + query if query else ""),
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "54321",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(data),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if data or method in ("POST", "PUT"):
            environ["CONTENT_LENGTH"] = str(len(data))
        if content_type:
            environ["CONTENT_TYPE"] = content_type
        for name, value in (headers or {}).items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        return self._run(environ)

    def _run(self, environ: dict[str, Any]) -> Answer:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:  # noqa: ARG001 - WSGI
            started[:] = [status, headers]

        result = self.app(environ, start_response)
        try:
            body = b"".join(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()
        status, headers = started
        return Answer(int(status.split()[0]), {k.lower(): v for k, v in headers}, body)

    def _json(self, method: str, path: str, expect: int, **kwargs: Any) -> Any:
        answer = self.request(method, path, **kwargs)
        assert answer.status == expect, f"{method} {path}: {answer.status}, {expect} was expected.\n{answer.body[:2000]!r}"
        return answer.json if answer.body else None


def form_text(value: Any) -> str:
    """A form value as the official Python client writes it: lists as ``[a,b]``, strings inside quoted, booleans capital."""
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(f'"{v}"' if isinstance(v, str) else form_text(v) for v in value) + "]"
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value)
