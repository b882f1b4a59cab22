"""A few lines of REST: enough to drive h2ok or H2O-3 without a client package."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

__all__ = ["RestClient", "ServerError"]


class ServerError(RuntimeError):
    """The server answered with an error; the text is its message."""


class RestClient:
    """Form-encoded requests, JSON answers, jobs awaited."""

    def __init__(self, url: str, timeout: float = 600.0) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout

    def call(self, method: str, path: str, **fields: Any) -> Any:
        """The decoded answer of a request.

        Raises
        ------
        ServerError
            The status is not 2xx.
        """
        text = urllib.parse.urlencode({k: _text(v) for k, v in fields.items() if v is not None})
        url = self.url + urllib.parse.quote(path, safe="/$.%")
        if method == "GET" and text:
            url += "?" + text
        data = text.encode() if method == "POST" else None
        request = urllib.request.Request(url, data=data, method=method)  # noqa: S310 - http to the server we were given
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310 - as above
                return json.load(answer)
        except urllib.error.HTTPError as e:
            body = e.read().decode("utf-8", "replace")
            try:
                message = json.loads(body)["msg"].replace("ERROR MESSAGE:", "").strip()
            except (ValueError, KeyError):
                message = body[:500]
            raise ServerError(f"{method} {path}: {e.code} {message}") from e
        except urllib.error.URLError as e:
            raise ServerError(f"Cannot reach {self.url}: {e.reason}. Is the server up? Start one: h2ok start.") from e

    def rapids(self, expression: str, session: str) -> Any:
        """The answer to a Rapids expression."""
        return self.call("POST", "/99/Rapids", ast=expression, session_id=session)

    def wait(self, job: dict[str, Any]) -> dict[str, Any]:
        """Poll a job until it ends.

        Raises
        ------
        ServerError
            It did not end well.
        """
        key = job["key"]["name"]
        began = time.monotonic()
        while True:
            state: dict[str, Any] = self.call("GET", f"/3/Jobs/{key}")["jobs"][0]
            if state["status"] not in ("CREATED", "RUNNING"):
                break
            # Asking never makes a job look a twentieth longer than it is.
            time.sleep(min(0.2, max(0.005, 0.05 * (time.monotonic() - began))))
        if state["status"] != "DONE":
            raise ServerError(f"{state['description']} ended {state['status']}: {state.get('exception')}")
        return state


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(f'"{v}"' if isinstance(v, str) else _text(v) for v in value) + "]"
    return str(value)
