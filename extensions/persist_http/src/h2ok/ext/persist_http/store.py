"""PersistHTTP: read-only objects behind http and https URLs.

Servers that answer ranges are read in ranges; from others the whole object is fetched once into a temporary file. Every request is
bounded in time, every download in size. ``H2OK_HTTP_LIMIT`` (bytes) moves the bound of 64 GiB.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.persist import Entry, Persist
from h2ok.kernel import H2OKError, IllegalArgumentError

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["HTTPReadError", "PersistHTTP"]

#: Seconds until a silent server is given up.
_TIMEOUT = 60.0
_PIECE = 1 << 20
_DEFAULT_LIMIT = 64 << 30


class HTTPReadError(H2OKError, OSError):
    """The server refused, broke off, or could not be reached."""


@dataclass(slots=True)
class _Known:
    """What is known of a URL: its size, and its bytes when ranges cannot be asked for."""

    size: int
    file: IO[bytes] | None = None


class PersistHTTP(Persist):
    """http and https; nothing can be written. Redirects are followed to http and https only."""

    schemes = ("http", "https")

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()
        self._limit = int(os.environ.get("H2OK_HTTP_LIMIT", _DEFAULT_LIMIT))

    def size(self, uri: str) -> int:
        return self._look(uri).size

    def read(self, uri: str, start: int = 0, length: int = -1) -> bytes:
        known = self._look(uri)
        stop = known.size if length < 0 else min(known.size, start + length)
        if start >= stop:
            return b""
        if known.file is not None:
            with self._lock:
                known.file.seek(start)
                return known.file.read(stop - start)
        with self._open(uri, {"Range": f"bytes={start}-{stop - 1}"}) as answer:
            if answer.status != http.client.PARTIAL_CONTENT:
                raise HTTPReadError(f"{uri} answered a range before and does not any more. Import it again.")
            data: bytes = answer.read(stop - start)
        if len(data) != stop - start:
            raise HTTPReadError(f"{uri} broke off after {len(data)} of {stop - start} bytes. Try again.")
        return data

    def open(self, uri: str) -> BinaryIO:
        return io.BytesIO(self.read(uri)) if self.size(uri) <= _PIECE else io.BufferedReader(_Stream(self, uri), _PIECE)

    def list(self, uri: str) -> list[Entry]:
        return [Entry(uri, self.size(uri))]

    def create(self, uri: str, *, overwrite: bool = False) -> BinaryIO:
        raise IllegalArgumentError(f"{uri} cannot be written: http and https are for reading only.")

    def delete(self, uri: str) -> None:
        raise IllegalArgumentError(f"{uri} cannot be deleted: http and https are for reading only.")

    def rename(self, source: str, target: str) -> None:
        raise IllegalArgumentError(f"{source} cannot be renamed: http and https are for reading only.")

    def close(self) -> None:
        """Drop downloaded objects (called when the node ends)."""
        with self._lock:
            for known in self._known.values():
                if known.file is not None:
                    known.file.close()
            self._known.clear()

    def _look(self, uri: str) -> _Known:
        with self._lock:
            known = self._known.get(uri)
        if known is None:
            self._refuse_own(uri)
            known = self._probe(uri)
            with self._lock:
                known = self._known.setdefault(uri, known)
        return known

    def _probe(self, uri: str) -> _Known:
        """Ask for the first byte: the answer tells whether ranges work and how large the object is."""
        with self._open(uri, {"Range": "bytes=0-0"}) as answer:
            total = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if answer.status == http.client.PARTIAL_CONTENT and total.isdigit():
                self._check(uri, int(total))
                return _Known(int(total))
            return self._download(uri, answer)

    def _download(self, uri: str, answer: Any) -> _Known:
        file = TemporaryFile(prefix="h2ok-http-")  # noqa: SIM115 - lives as long as the store
        size = 0
        try:
            while piece := answer.read(_PIECE):
                size += len(piece)
                self._check(uri, size)
                file.write(piece)
            # http.client ends a short body quietly when it is read in pieces.
            promised = answer.headers.get("Content-Length", "")
            if promised.isdigit() and size < int(promised):
                raise HTTPReadError(f"{uri} broke off after {size} of {promised} bytes. Try again.")
        except HTTPReadError:
            file.close()
            raise
        except (OSError, http.client.HTTPException) as e:
            file.close()
            raise HTTPReadError(f"{uri} broke off after {size} bytes: {e}. Try again.") from e
        except BaseException:
            file.close()
            raise
        return _Known(size, file)

    def _check(self, uri: str, size: int) -> None:
        if size > self._limit:
            raise IllegalArgumentError(
                f"{uri} is larger than the limit of {self._limit} bytes. Raise H2OK_HTTP_LIMIT to import it."
            )

    def _refuse_own(self, uri: str) -> None:
        """A URL of this very cloud would wait for itself."""
        where = urllib.parse.urlsplit(uri)
        port = where.port or (443 if where.scheme == "https" else 80)
        if any(m.port == port and where.hostname in (m.ip, "localhost", "127.0.0.1") for m in self.runtime.node.cloud.members):
            raise BadRequestError(f"Recursive path reference: {uri} points back at this cloud. Name the file itself.")

    def _open(self, uri: str, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(uri, headers={"User-Agent": "h2ok", **headers})  # noqa: S310 - only http and https get here
        try:
            return urllib.request.build_opener(_Redirects).open(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as e:
            with contextlib.closing(e):
                if e.code == http.client.NOT_FOUND:
                    raise FileNotFoundError(f"{uri} does not exist (404).") from e
                if e.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return _Empty()
                raise HTTPReadError(f"{uri} answered {e.code} {e.reason}.") from e
        except (urllib.error.URLError, OSError, http.client.HTTPException) as e:
            raise HTTPReadError(f"Cannot reach {uri}: {getattr(e, 'reason', e)}. Check the address and the network.") from e


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https; the library refuses files by itself, but not ftp."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urllib.parse.urlsplit(newurl).scheme not in ("http", "https"):
            raise urllib.error.HTTPError(req.full_url, code, f"redirect to {newurl} refused", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Empty(io.BytesIO):
    """The answer of a server that cannot give the first byte of an empty object."""

    status = http.client.OK
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


class _Stream(io.RawIOBase):
    def __init__(self, store: PersistHTTP, uri: str) -> None:
        self._store, self._uri, self._at = store, uri, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._store.read(self._uri, self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
