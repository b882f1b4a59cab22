"""Spill: values of a node on disk instead of in memory, one file each, in the wire format."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from h2ok.kernel.errors import OutOfMemoryBudgetError
from h2ok.kernel.wire import decode, encode

__all__ = ["Budget", "Spill", "Spilled"]

#: Arrays stand on multiples of this in a file, so that they can be used where they are read.
_ALIGN = 64
#: Share of the disk that is left to others.
_FREE_SHARE = 0.05
#: Share of the memory that may be in use before work needs more for a moment.
_WORK_SHARE = 0.75
_PREFIX = "h2ok-spill-"


class Spilled:
    """Stands in a store for a value that is on disk. ``nbytes``: what the value takes in memory."""

    __slots__ = ("nbytes", "on_disk", "path")

    def __init__(self, path: Path, nbytes: int, on_disk: int) -> None:
        self.path = path
        self.nbytes = nbytes
        self.on_disk = on_disk


class Spill:
    """Files in a folder of this process below ``root``; made with the first value, gone with ``close``. Thread-safe.

    Parameters
    ----------
    limit : bytes on disk; 0 for all but a twentieth of the disk.
    """

    def __init__(self, root: str, limit: int = 0) -> None:
        self._root = Path(root)
        self._limit = limit
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._names = itertools.count()
        self.on_disk = 0
        self.store_count = self.store_bytes = self.delete_count = self.load_count = self.load_bytes = 0

    def write(self, value: Any, nbytes: int) -> Spilled:
        """Put a value on disk.

        Raises
        ------
        OutOfMemoryBudgetError
            The disk has no room; the message holds the numbers.
        """
        frames = [bytes(f) if isinstance(f, bytes) else f for f in encode(value)]
        sizes = [f.nbytes if isinstance(f, memoryview) else len(f) for f in frames]
        head = struct.pack(f"<Q{len(sizes)}Q", len(sizes), *sizes)
        total = _padded(len(head)) + sum(map(_padded, sizes))
        path = self._place(total)
        try:
            with open(path, "wb") as f:
                for part, size in ((head, len(head)), *zip(frames, sizes, strict=True)):
                    f.write(part)
                    f.write(bytes(_padded(size) - size))
        except OSError as e:
            with self._lock:
                self.on_disk -= total
            path.unlink(missing_ok=True)
            raise OutOfMemoryBudgetError(f"Cannot spill {total:,} bytes to '{self._root}': {e}. Free disk space there.") from e
        return Spilled(path, nbytes, total)

    def read(self, spilled: Spilled) -> Any:
        """The value again."""
        raw = np.fromfile(spilled.path, dtype=np.uint8)
        with self._lock:
            self.load_count += 1
            self.load_bytes += raw.nbytes
        count = int(raw[:8].view("<u8")[0])
        sizes = raw[8 : 8 + 8 * count].view("<u8").tolist()
        at, frames = _padded(8 + 8 * count), []
        for size in sizes:
            frames.append(raw[at : at + size].data if size else b"")
            at += _padded(size)
        return decode([bytes(frames[0]), *frames[1:]])

    def delete(self, spilled: Spilled) -> None:
        """Remove a value from disk."""
        with self._lock:
            self.on_disk -= spilled.on_disk
            self.delete_count += 1
        spilled.path.unlink(missing_ok=True)

    def room(self) -> int:
        """Bytes that may still be written."""
        usage = shutil.disk_usage(self._root if self._root.is_dir() else self._root.anchor or ".")
        free = max(0, usage.free - int(_FREE_SHARE * usage.total))
        return min(free, self._limit - self.on_disk) if self._limit else free

    def close(self) -> None:
        """Remove all files."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _place(self, size: int) -> Path:
        with self._lock:
            if self._folder is None:
                self._root.mkdir(parents=True, exist_ok=True)
                _remove_leftovers(self._root)
                self._folder = self._root / f"{_PREFIX}{os.getpid()}-{id(self):x}"
                self._folder.mkdir()
            room = self.room()
            if size > room:
                raise OutOfMemoryBudgetError(
                    f"Cannot spill {size:,} bytes to '{self._root}': {self.on_disk:,} bytes are spilled already and "
                    f"{max(0, room):,} more may be. Remove frames, free disk space, add a node, or raise --max-mem.",
                    needed=size,
                    held=self.on_disk,
                    limit=self.on_disk + max(0, room),
                )
            self.on_disk += size
            self.store_count += 1
            self.store_bytes += size
            return self._folder / f"{next(self._names):08d}"


class Budget:
    """The memory that values of a node may take: ``limit`` bytes, shared by its stores. 0 for no limit. Thread-safe.

    ``ceiling`` is what the limit may rise to; it falls below while the process needs memory for other things (``adapt``).
    """

    def __init__(self, limit: int = 0) -> None:
        self.limit = self.ceiling = limit
        self.resident = 0
        #: Each moves about so many bytes of its coldest values to disk and returns how many it moved.
        self.evictors: list[Callable[[int], int]] = []
        self._lock = threading.Lock()

    def add(self, nbytes: int) -> None:
        """Count bytes that came (or, negative, went)."""
        with self._lock:
            self.resident += nbytes

    def adapt(self, whole: int, rss: int) -> None:
        """Leave room for what else the process holds: ``rss`` of ``whole`` bytes are taken by now."""
        other = max(0, rss - self.resident)
        self.limit = max(whole // 10, min(self.ceiling, int(_WORK_SHARE * whole) - other))

    def make_room(self, whole: int, rss: int, size: int) -> int:
        """How many pieces of work of ``size`` bytes fit beside what the process holds when all values that can be are spilled."""
        other = max(0, rss - self.resident)
        return max(0, int(_WORK_SHARE * whole) - other - whole // 10) // max(1, size)

    def fit(self) -> None:
        """Spill until the values fit, as far as they can be spilled."""
        for evict in self.evictors:
            over = self.resident - self.limit
            if not self.limit or over <= 0:
                return
            evict(over)


def _padded(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


def _remove_leftovers(root: Path) -> None:
    """Remove what processes left behind that are gone."""
    for folder in root.glob(f"{_PREFIX}*"):
        pid = folder.name[len(_PREFIX) :].partition("-")[0]
        if pid.isdigit() and int(pid) != os.getpid() and not _is_alive(int(pid)):
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
