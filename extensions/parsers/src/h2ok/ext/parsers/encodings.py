"""Encodings of text: bytes with a mark of UTF-16 or UTF-32 are made UTF-8, which every text format reads."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

__all__ = ["as_utf8", "encoding_of", "nul_in"]

#: UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_LONGEST_MARK = 4
#: Bytes in which NUL says that they are no text.
_NUL_BYTES = 4096


def encoding_of(head: bytes) -> str | None:
    """utf-16 or utf-32 for bytes that begin with its mark, else None."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def as_utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces of bytes as UTF-8 without the mark when they begin with one, else as they are.

    What is no character becomes U+FFFD.
    """
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _LONGEST_MARK:
            break
    encoding = encoding_of(head)
    if encoding is None:
        if head:
            yield head
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    yield decoder.decode(head).encode()
    for piece in pieces:
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()


def nul_in(sample: bytes) -> str | None:
    """Where text has a byte NUL, in words with what to do; None when there is none among the first bytes."""
    at = sample[:_NUL_BYTES].find(b"\0")
    if at < 0:
        return None
    line = sample.count(b"\n", 0, at) + 1
    where = f"the byte at position {at} (line {line}) is NUL, so that it is no text"
    some = sample[: 2 * (_NUL_BYTES // 2)]
    zeros = max(some[0::2].count(0), some[1::2].count(0))
    if len(some) > 2 and zeros * 4 > len(some):
        return f"{where}; it looks like UTF-16 without a mark of the byte order. Write it as UTF-8, or with the mark."
    return f"{where}. Text is UTF-8, or UTF-16 with a mark of the byte order; remove the byte."
