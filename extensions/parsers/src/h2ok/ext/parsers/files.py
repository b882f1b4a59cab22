"""PersistFile: local files and folders; every node must see the same files under the same paths, as in H2O."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import unquote

from h2ok.capabilities.contracts.persist import Entry, Persist
from h2ok.kernel import IllegalArgumentError

__all__ = ["PersistFile"]

#: Folders no import or export may touch unless an allowed root holds them (H2O: file_deny_glob).
DENIED = ("/bin", "/boot", "/dev", "/etc", "/proc", "/root/.ssh", "/sbin", "/sys", "/usr", "/var")


class PersistFile(Persist):
    """Plain paths, ``file://`` and ``nfs://``. Paths outside the allowed roots, or system paths when none is set, are refused."""

    schemes = ("", "file", "nfs")

    def path(self, uri: str) -> Path:
        """The absolute local path of a URI.

        Raises
        ------
        IllegalArgumentError
            The path is denied.
        """
        text = uri
        if uri.startswith("file://"):
            text = unquote(uri[len("file://") :])
        elif uri.startswith("nfs://"):
            text = "/" + uri[len("nfs://") :].lstrip("/")
        path = Path(text).expanduser()
        resolved = Path(os.path.abspath(path))
        self._check(resolved)
        self._check(resolved.resolve())
        return resolved

    def size(self, uri: str) -> int:
        return self.path(uri).stat().st_size

    def read(self, uri: str, start: int = 0, length: int = -1) -> bytes:
        with self.path(uri).open("rb") as f:
            f.seek(start)
            return f.read(length)

    def read_into(self, uri: str, start: int, buffer: memoryview) -> int:
        at = 0
        with self.path(uri).open("rb", buffering=0) as f:
            f.seek(start)
            while at < len(buffer) and (n := f.readinto(buffer[at:])):
                at += n
        return at

    def local_path(self, uri: str) -> str | None:
        return str(self.path(uri))

    def open(self, uri: str) -> BinaryIO:
        return self.path(uri).open("rb")

    def list(self, uri: str) -> list[Entry]:
        path = self.path(uri)
        if path.is_dir():
            return [self._entry(p) for p in sorted(path.iterdir())]
        if not path.exists():
            raise FileNotFoundError(f"File {path} does not exist. Check the path on the machine of the server.")
        return [self._entry(path)]

    def create(self, uri: str, *, overwrite: bool = False) -> BinaryIO:
        path = self.path(uri)
        if path.exists() and not overwrite:
            raise FileExistsError(f"File {path} already exists. Pass force=True to replace it.")
        path.parent.mkdir(parents=True, exist_ok=True)
        return cast("BinaryIO", _AtomicFile(path))

    def delete(self, uri: str) -> None:
        path = self.path(uri)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def rename(self, source: str, target: str) -> None:
        self.path(source).replace(self.path(target))

    def _entry(self, path: Path) -> Entry:
        return Entry(str(path), -1 if path.is_dir() else path.stat().st_size, path.is_dir())

    def _check(self, path: Path) -> None:
        roots = self.runtime.node.config.allowed_roots
        if roots:
            if not any(path.is_relative_to(Path(r).resolve()) for r in roots):
                raise IllegalArgumentError(f"File {path} lies outside the allowed folders: {', '.join(roots)}.")
        elif any(path.is_relative_to(d) for d in DENIED):
            raise IllegalArgumentError(
                f"File {path} lies in a denied system folder. Copy it elsewhere or start with an allowed root."
            )


class _AtomicFile(io.RawIOBase):
    """Writes beside the target and moves it into place on close, so that a failed export leaves no half file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        handle, self._temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        self._file = os.fdopen(handle, "wb")
        self._failed = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def close(self) -> None:
        """Move what was written to the target; after a failure inside ``with``, remove it. A second close does nothing."""
        if self.closed:
            return
        super().close()
        self._file.close()
        if self._failed:
            os.unlink(self._temporary)
        else:
            os.chmod(self._temporary, 0o666 & ~_umask())
            os.replace(self._temporary, self._path)

    def __exit__(self, kind: object, value: object, tb: object) -> None:
        self._failed = kind is not None
        self.close()

    def __del__(self) -> None:
        # Never closed means never finished: nothing may appear under the target's name.
        if not self.closed:
            self._failed = True
        super().__del__()


def _umask() -> int:
    """The process's file mode mask (mkstemp makes private files)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
