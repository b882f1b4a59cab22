"""Compressed sources: recognised by their first bytes, decompressed as a stream with a bound on the ratio."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from h2ok.ext.parsers.encodings import as_utf8, encoding_of
from h2ok.kernel import H2OKError, IllegalArgumentError

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime
    from h2ok.ext.parsers.raw import RawFile

__all__ = ["compression_of", "decompressed", "is_package", "raw_stream", "sample_bytes", "unpacked"]

#: Decompressed bytes allowed for each compressed one, past the first 64 MiB.
MAX_RATIO = 1000
_FREE_BYTES = 64 << 20
_MAGIC = ((b"PK\x03\x04", "zip"), (b"\x1f\x8b", "gzip"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
#: Text may begin with BZh, too: a level and the mark of a block, or of the end, follow.
_BZIP2 = re.compile(rb"BZh[1-9](1AY&|\x17rE8)")
#: Members that make a zip archive one document: of Office, and of OpenDocument.
_PACKAGE = frozenset({"[Content_Types].xml", "META-INF/manifest.xml"})
_PIECE = 1 << 20
_PACKAGE_HEAD = 1 << 12
_PACKED_PIECE = 1 << 18


def compression_of(head: bytes) -> str | None:
    """zip, gzip, bz2, xz, zstd, utf-16 or utf-32 (text that must be made UTF-8), or None for plain bytes, from the first eight."""
    if (encoding := encoding_of(head)) is not None:
        return encoding
    return "bz2" if _BZIP2.match(head) else next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def is_package(names: Iterable[str]) -> bool:
    """Whether the members of a zip archive say that it is one document (a workbook), and not files that were packed."""
    return not _PACKAGE.isdisjoint(names)


def decompressed(runtime: Runtime, raw: RawFile) -> Iterator[bytes]:
    """The decompressed bytes of a source in pieces, text as UTF-8; of a zip archive the first file, as in H2O.

    Raises
    ------
    IllegalArgumentError
        The data is damaged, or expands more than ``MAX_RATIO`` times.
    """
    head = _read(runtime, raw, 0, 8)
    kind = compression_of(head)
    produced = 0
    try:
        for piece in as_utf8(_pieces(runtime, raw, kind)):
            produced += len(piece)
            if produced > _FREE_BYTES and produced > MAX_RATIO * raw.size:
                raise IllegalArgumentError(
                    f"'{raw.key}' expands to more than {MAX_RATIO} times its {raw.size} bytes. "
                    "Decompress it yourself if this is intended."
                )
            yield piece
    except H2OKError:
        raise
    except Exception as e:  # each library has its own errors for damaged bytes
        raise IllegalArgumentError(f"'{raw.key}' is damaged: cannot decompress it as {kind} ({e}).") from e


def sample_bytes(runtime: Runtime, raw: RawFile, limit: int) -> bytes:
    """The first ``limit`` decompressed bytes; of an archive that is one document the names of its members after its first bytes."""
    parts: list[bytes] = []
    have = 0
    kind = compression_of(_read(runtime, raw, 0, 8))
    if kind is None:
        return _read(runtime, raw, 0, limit)
    names = _members(runtime, raw) if kind == "zip" else []
    if is_package(names):
        return _read(runtime, raw, 0, _PACKAGE_HEAD) + "\n".join(["", *names])[:limit].encode("utf-8", "replace")
    for piece in decompressed(runtime, raw):
        parts.append(piece)
        have += len(piece)
        if have >= limit:
            break
    return b"".join(parts)[:limit]


def unpacked(runtime: Runtime, raw: RawFile, limit: int) -> bytes:
    """The bytes of a source, decompressed unless it is one document.

    Raises
    ------
    IllegalArgumentError
        There are more than ``limit``, or they are damaged.
    """
    kind = compression_of(_read(runtime, raw, 0, 8))
    if kind is None or (kind == "zip" and is_package(_members(runtime, raw))):
        return _read(runtime, raw, 0, -1)
    parts: list[bytes] = []
    have = 0
    for piece in decompressed(runtime, raw):
        have += len(piece)
        if have > limit:
            raise IllegalArgumentError(f"'{raw.key}' unpacks to more than {limit} bytes, which can be read at once.")
        parts.append(piece)
    return b"".join(parts)


def _members(runtime: Runtime, raw: RawFile) -> list[str]:
    """Names of the members of a zip archive; none of a damaged one."""
    try:
        with zipfile.ZipFile(io.BufferedReader(_RawStream(runtime, raw), _PIECE)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        return []


def _read(runtime: Runtime, raw: RawFile, start: int, length: int) -> bytes:
    from h2ok.ext.parsers.raw import read_raw

    return read_raw(runtime, raw, start, length)


def raw_stream(runtime: Runtime, raw: RawFile) -> io.RawIOBase:
    """A seekable stream over the bytes of a raw file as they are stored."""
    return _RawStream(runtime, raw)


class _RawStream(io.RawIOBase):
    """A seekable stream over a raw file."""

    def __init__(self, runtime: Runtime, raw: RawFile) -> None:
        self._runtime, self._raw, self._at = runtime, raw, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (self._at if whence == 1 else self._raw.size if whence == 2 else 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = _read(self._runtime, self._raw, self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _pieces(runtime: Runtime, raw: RawFile, kind: str | None) -> Iterator[bytes]:
    stream: BinaryIO = io.BufferedReader(_RawStream(runtime, raw), _PIECE)
    if kind == "zip":
        with zipfile.ZipFile(stream) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            # What Macs add beside each file comes first at times.
            members = [m for m in members if not _is_extra(m.filename)] or members
            if not members:
                raise IllegalArgumentError(f"'{raw.key}' is a zip archive without files.")
            # H2O: only the first file of an archive is read.
            with archive.open(members[0]) as inner:
                yield from iter(lambda: inner.read(_PIECE), b"")
        return
    if kind == "gzip":
        yield from _gunzipped(stream)
        return
    if kind == "zstd":
        yield from _unpacked_by_arrow(stream, kind)
        return
    opened = _open_stream(stream, kind)
    yield from iter(lambda: opened.read(_PIECE), b"")


def _is_extra(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._") or name.endswith(".DS_Store")


def _unpacked_by_arrow(stream: BinaryIO, kind: str) -> Iterator[bytes]:
    """What Arrow unpacks. Its ``read`` never frees the memory for a piece that turns out to be damaged; ``read_buffer`` does."""
    import pyarrow as pa

    opened = pa.CompressedInputStream(pa.PythonFile(stream, "r"), kind)
    yield from iter(lambda: opened.read_buffer(_PIECE).to_pybytes(), b"")


def _gunzipped(stream: BinaryIO) -> Iterator[bytes]:
    """The members of a gzip file one after the other. PERF: isal is twice as fast as zlib.

    Raises
    ------
    EOFError
        The file ends within a member.
    Exception
        A member is damaged, or something else follows it.
    """
    inflate = _inflate()
    data = stream.read(_PACKED_PIECE)
    while data:
        member = inflate(wbits=31)
        while not member.eof:
            data = data or stream.read(_PACKED_PIECE)
            # Also without further input zlib may have more to give.
            piece = member.decompress(data, _PIECE)
            if not (data or piece or member.eof):
                raise EOFError("it ends too early")
            data = member.unconsumed_tail
            if piece:
                yield piece
        # Zeros may fill up the end of a file.
        data = member.unused_data.lstrip(b"\0")
        while not data and (more := stream.read(_PACKED_PIECE)):
            data = more.lstrip(b"\0")


def _inflate() -> Any:
    """``decompressobj`` of isal, or of zlib where isal has not been built for the machine."""
    try:
        from isal import isal_zlib
    except ImportError:
        import zlib

        return zlib.decompressobj
    return isal_zlib.decompressobj


def _open_stream(stream: BinaryIO, kind: str | None) -> BinaryIO:
    if kind == "bz2":
        import bz2

        return bz2.BZ2File(stream)  # type: ignore[return-value]
    if kind == "xz":
        import lzma

        return lzma.LZMAFile(stream)  # type: ignore[return-value]
    return stream
