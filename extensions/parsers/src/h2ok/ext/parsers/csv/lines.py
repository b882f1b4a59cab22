"""Plain lines of delimited text into cells, 64 bytes at a time: no quotes, blanks before cells, comments or empty lines."""

from __future__ import annotations

import numpy as np
from h2ok.ext.parsers.csv.kernels import scan_cells
from h2ok.kernel.words import byte_bits, count_bits, trailing_zeros
from numba import njit

__all__ = ["cut_lines"]

_LF, _CR, _BLANK, _TAB = 10, 13, 32, 9
_0, _1, _63 = np.uint64(0), np.uint64(1), np.uint64(63)
_LAST = np.uint64(1 << 63)
#: Bytes that are read with care after something that is not plain, at first.
_CARE = 4096


@njit(cache=True, nogil=True)
def _plain_lines(data, at, limit, sep, quote, comment, starts, stops, kinds, row_starts, rows, cells):  # type: ignore[no-untyped-def]
    """As ``cut_lines`` up to the first line that is not plain; needs room for 16 cells more than there are."""
    n = len(data)
    tab = _TAB if sep != _TAB else _BLANK
    base = at
    used = cells
    starts[used] = at
    row_starts[rows] = cells
    # Bit 0: whether a line or cell begins with the first byte of the next 64.
    new_line, new_cell = _1, _1
    while base + 64 <= n and base < limit:
        ends = byte_bits(data, base, np.uint8(_LF))
        marks = ends | byte_bits(data, base, np.uint8(sep))
        blanks = byte_bits(data, base, np.uint8(_BLANK)) | byte_bits(data, base, np.uint8(tab))
        careful = byte_bits(data, base, np.uint8(quote)) | byte_bits(data, base, np.uint8(_CR))
        careful |= ((marks << _1) | new_cell) & blanks
        careful |= ((ends << _1) | new_line) & (ends | byte_bits(data, base, np.uint8(comment)))
        new_line, new_cell = ends >> _63, marks >> _63
        if careful != _0:
            before = (careful & (~careful + _1)) - _1
            marks &= before
            ends &= before
        while ends != _0:
            to_end = ends ^ (ends - _1)
            rows += 1
            row_starts[rows] = used + count_bits(marks & to_end)
            ends &= ~to_end
        found = count_bits(marks)
        # PERF: as many steps for most words, whatever is in them; what is written too much is overwritten.
        for k in range(0, found, 8):
            for m in range(8):
                position = base + trailing_zeros(marks | _LAST)
                stops[used + k + m] = position
                starts[used + k + m + 1] = position + 1
                marks &= marks - _1
        used += found
        if careful != _0:
            break
        base += 64
    used = row_starts[rows]
    some_starts, some_stops, some_kinds = starts[cells:used], stops[cells:used], kinds[cells:used]
    for k in range(len(some_kinds)):
        some_kinds[k] = some_stops[k] > some_starts[k]
    return rows, used, stops[used - 1] + 1 if used > cells else at


@njit(cache=True, nogil=True)
def cut_lines(data, at, limit, sep, quote, escape, comments, starts, stops, kinds, row_starts, rows, cells):  # type: ignore[no-untyped-def]
    """As ``scan_cells`` for all rows that begin before ``limit``: plain lines quickly, the others with care."""
    raw = 0
    care = _CARE
    # Runs of blanks are one separator; more than one mark of comments is looked for only there.
    plain = sep != _BLANK and len(comments) <= 1
    comment = comments[0] if len(comments) == 1 else np.uint8(_CR)
    quotes = quote if quote != 0 else _CR
    while at < limit and at < len(data):
        before = at
        if plain:
            rows, cells, at = _plain_lines(data, at, limit, sep, quotes, comment, starts, stops, kinds, row_starts, rows, cells)
        if at < limit and at < len(data):
            care = care * 2 if at == before else _CARE
            rows, cells, some, at = scan_cells(
                data,
                at,
                min(limit, at + care),
                sep,
                quote,
                escape,
                comments,
                starts,
                stops,
                kinds,
                row_starts,
                rows,
                cells,
                1 << 62,
            )
            raw += some
    return rows, cells, raw, at
