"""Requests to an h2ok server, and what it refuses."""

from __future__ import annotations

import http.client
import json
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Server", "TransferError", "current_server"]


class TransferError(RuntimeError):
    """The server answered with an error; ``status`` is its HTTP status, the text its message."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Server:
    """One server, with the parameters of ``Frames``.

    Raises
    ------
    ValueError
        The URL is none of http or https.
    """

    def __init__(
        self, server: Any, *, user: str | None = None, password: str | None = None, timeout: float = 600.0, verify: bool = True
    ) -> None:
        self._url = urlsplit(server if isinstance(server, str) else server.base_url)
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise ValueError(f"The server must be an http or https URL such as http://localhost:54321; got '{self._url.geturl()}'.")
        self._headers = {}
        if user is not None:
            self._headers["Authorization"] = "Basic " + b64encode(f"{user}:{password or ''}".encode()).decode()
        self._timeout, self._verify = timeout, verify

    @contextmanager
    def answer(
        self, method: str, path: str, body: Iterator[bytes] | None = None, media_type: str = ""
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer to a request, to be read; ``path`` from the version on, already quoted.

        Raises
        ------
        TransferError
            The server cannot be reached, or answers with an error.
        """
        connection = self._connect()
        try:
            yield self._answer(connection, method, self._url.path.rstrip("/") + path, body, media_type)
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, port or 80, timeout=self._timeout)
        context = ssl.create_default_context()
        if not self._verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(host, port or 443, timeout=self._timeout, context=context)

    def _answer(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Iterator[bytes] | None, media_type: str
    ) -> http.client.HTTPResponse:
        headers = dict(self._headers)
        if body is not None:
            headers |= {"Content-Type": media_type, "Transfer-Encoding": "chunked"}
        try:
            connection.request(method, path, body=body, headers=headers, encode_chunked=body is not None)
            answer = connection.getresponse()
        except OSError as e:
            raise TransferError(f"Cannot reach {self._url.geturl()}: {e}. Is the server up?") from e
        if answer.status != 200:
            text = answer.read().decode("utf-8", "replace")
            try:
                text = json.loads(text)["msg"].replace("ERROR MESSAGE:", "").strip()
            except (ValueError, KeyError, TypeError):
                text = text[:500]
            raise TransferError(f"{method} {path}: {answer.status} {text}", answer.status)
        return answer


def current_server() -> Any:
    """The connection of the ``h2o`` package."""
    import h2o

    return h2o.connection()
