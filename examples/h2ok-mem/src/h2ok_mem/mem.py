"""PersistMem: objects in the memory of one node."""

from __future__ import annotations

import io
import threading
from typing import Any, BinaryIO

from h2ok.capabilities.contracts.persist import Entry, Persist


class PersistMem(Persist):
    """mem://bucket/object. Methods are called from many threads."""

    schemes = ("mem",)

    def __init__(self, runtime: Any) -> None:
        super().__init__(runtime)
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def _get(self, uri: str) -> bytes:
        with self._lock:
            if uri not in self._objects:
                raise FileNotFoundError(f"There is no object {uri}.")
            return self._objects[uri]

    def size(self, uri: str) -> int:
        return len(self._get(uri))

    def read(self, uri: str, start: int = 0, length: int = -1) -> bytes:
        data = self._get(uri)[start:]
        return data if length < 0 else data[:length]

    def open(self, uri: str) -> BinaryIO:
        return io.BytesIO(self._get(uri))

    def list(self, uri: str) -> list[Entry]:
        folder = uri.rstrip("/") + "/"
        with self._lock:
            found = [u for u in sorted(self._objects) if u == uri or u.startswith(folder)]
            if not found:
                raise FileNotFoundError(f"There is nothing at {uri}.")
            return [Entry(u, len(self._objects[u])) for u in found]

    def create(self, uri: str, *, overwrite: bool = False) -> BinaryIO:
        if not overwrite and self.exists(uri):
            raise FileExistsError(f"{uri} exists already. Pass force=True to replace it.")
        return _Writer(self, uri)

    def store(self, uri: str, data: bytes) -> None:
        """Keep a finished object."""
        with self._lock:
            self._objects[uri] = data

    def delete(self, uri: str) -> None:
        with self._lock:
            self._objects.pop(uri, None)

    def rename(self, source: str, target: str) -> None:
        self.store(target, self._get(source))
        self.delete(source)


class _Writer(io.BytesIO):
    """Becomes the object when it is closed, unless the ``with`` block failed."""

    def __init__(self, store: PersistMem, uri: str) -> None:
        super().__init__()
        self._store, self._uri, self._failed = store, uri, False

    def __exit__(self, kind: object, *rest: object) -> None:
        self._failed = kind is not None
        super().__exit__(kind, *rest)

    def close(self) -> None:
        if not self.closed and not self._failed:
            self._store.store(self._uri, self.getvalue())
        super().close()
