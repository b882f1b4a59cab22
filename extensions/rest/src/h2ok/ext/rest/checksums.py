"""Checksum files as Hadoop's file systems keep beside data files: ``.name.crc`` with a CRC-32 of every 512 bytes."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, BinaryIO

__all__ = ["ChecksumWriter", "checksum_name"]

_PIECE = 512
_MAGIC = b"crc\x00"


def checksum_name(path: str) -> str:
    """The path of the checksum file of a data file."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}.{name}.crc"


class ChecksumWriter(io.RawIOBase):
    """A stream that passes bytes on and sums them up; closing leaves the stream behind it open."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._sums = bytearray(_MAGIC + struct.pack(">i", _PIECE))
        self._rest = b""
        self._size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._out.write(piece)
        self._size += len(piece)
        pending = self._rest + piece
        whole = len(pending) - len(pending) % _PIECE
        for at in range(0, whole, _PIECE):
            self._sums += struct.pack(">I", zlib.crc32(pending[at : at + _PIECE]))
        self._rest = pending[whole:]
        return len(piece)

    def checksums(self) -> bytes:
        """The text of the checksum file for what was written so far."""
        rest = struct.pack(">I", zlib.crc32(self._rest)) if self._rest else b""
        return bytes(self._sums) + rest
