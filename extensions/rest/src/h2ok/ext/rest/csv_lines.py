"""Lines of CSV from the columns of a large block, put together by kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.rest.csv_style import CsvStyle
    from h2ok.kernel import Block

__all__ = ["block_lines"]

#: Rows written at once: their lines stay in the processor's cache from the first column to the last.
_ROWS = 2048
_Lengths = Callable[[int, NDArray[np.int32]], None]
_Put = Callable[[int, NDArray[np.int64], NDArray[np.uint8], int], None]


def block_lines(block: Block, style: CsvStyle, texts: Callable[[int], Any]) -> bytes:
    """The lines of a block of rows; ``texts`` gives the cells of a column as a large_string array where no kernel writes them."""
    columns = [_writers(block, j, style, texts) for j in range(len(block.vecs))]
    ends = [ord(style.separator)] * (len(columns) - 1) + [10]
    parts = []
    for first in range(0, block.n_rows, _ROWS):
        n = min(_ROWS, block.n_rows - first)
        size = np.zeros(n, dtype=np.int32)
        for lengths, _ in columns:
            lengths(first, size)
        at = np.zeros(n, dtype=np.int64)
        np.cumsum(size[:-1], out=at[1:])
        out = np.empty(int(size.sum(dtype=np.int64)), dtype=np.uint8)
        for (_, put), end in zip(columns, ends, strict=True):
            put(first, at, out, end)
        parts.append(out.data)
    return b"".join(parts)


def _writers(block: Block, j: int, style: CsvStyle, texts: Callable[[int], Any]) -> tuple[_Lengths, _Put]:
    from h2ok.ext.rest import csv_kernels as kernels

    vec = block.vecs[j]
    if vec.domain is not None:
        codes = block.codes(j)
        levels = [_quoted(d, style.escape_quotes) for d in vec.domain]
        offsets = np.concatenate([[0], np.cumsum([len(v) for v in levels])]).astype(np.int64)
        data = np.frombuffer(b"".join(levels), dtype=np.uint8)
        return (
            lambda first, size: kernels.level_lengths(codes, offsets, first, size),
            lambda first, at, out, end: kernels.put_levels(codes, offsets, data, first, at, out, end),
        )
    if vec.type == "time" or style.whole[j]:
        values = block.chunk(j).int64()
        return (
            lambda first, size: kernels.integer_lengths(values, first, size),
            lambda first, at, out, end: kernels.put_integers(values, first, at, out, end),
        )
    if vec.type == "numeric" and not style.hex_string:
        from h2ok.ext.rest.csv_doubles import find_decimals

        n = block.n_rows
        found = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.uint8), np.empty(n, dtype=np.int16)
        find_decimals(block.numbers(j), *found)
        return (
            lambda first, size: kernels.decimal_lengths(*found, first, size),
            lambda first, at, out, end: kernels.put_decimals(*found, first, at, out, end),
        )
    return _text_writers(texts(j))


def _text_writers(array: Any) -> tuple[_Lengths, _Put]:
    from h2ok.ext.rest import csv_kernels as kernels

    _, offsets_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer is not None else np.empty(0, dtype=np.uint8)
    return (
        lambda first, size: kernels.text_lengths(offsets, first, size),
        lambda first, at, out, end: kernels.put_texts(offsets, data, first, at, out, end),
    )


def _quoted(text: str, escape: bool) -> bytes:
    return ('"' + (text.replace('"', '""') if escape else text) + '"').encode("utf-8", "surrogatepass")
