"""Kernels of the CSV reader: bytes to cells, cells to numbers, codes and text. Outputs are written into arrays of the caller."""

from __future__ import annotations

import numpy as np
from h2ok.ext.parsers.csv.words import load_word, next_mark
from numba import njit

__all__ = ["EMPTY", "PLAIN", "QUOTED", "RAW", "copy_text", "find_codes", "scan_cells", "unescape"]

#: Kinds of cells: nothing between separators, text as it is, text inside quotes, quoted text with doubled quotes or escapes.
EMPTY, PLAIN, QUOTED, RAW = 0, 1, 2, 3
_LF, _CR, _BLANK, _TAB = 10, 13, 32, 9
_REPEAT = np.uint64(0x0101010101010101)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
#: Bits of the first 0 to 8 bytes of a word.
_FIRST = np.array([(1 << (8 * k)) - 1 for k in range(9)], dtype=np.uint64)


@njit(cache=True, nogil=True, inline="always")
def _is_gap(c, sep):  # type: ignore[no-untyped-def]
    return c in (_BLANK, _TAB) and c != sep


@njit(cache=True, nogil=True)
def _quoted_cell(data, at, quote, escape, n, sep):  # type: ignore[no-untyped-def]
    """(position after the cell, its end without trailing blanks, kind) of a quoted cell whose text begins at ``at``."""
    kind = QUOTED
    i = at
    while i < n:
        c = data[i]
        if escape != 0 and c == escape and i + 1 < n:
            kind = RAW
            i += 2
        elif c != quote:
            i += 1
        elif i + 1 < n and data[i + 1] == quote:
            kind = RAW
            i += 2
        else:
            break
    stop = i
    i += 1
    while i < n and _is_gap(data[i], sep):
        i += 1
    if i < n and data[i] != sep and data[i] != _LF and data[i] != _CR:
        # Text after the closing quote belongs to the cell.
        kind = RAW
        while i < n and data[i] != sep and data[i] != _LF and data[i] != _CR:
            i += 1
        stop = i
    return min(i, n), min(stop, n), kind


@njit(cache=True, nogil=True)
def scan_cells(data, sep, quote, escape, comments, starts, stops, kinds, row_starts, max_rows):  # type: ignore[no-untyped-def]
    """Cut bytes into rows and cells; blank lines and lines that begin with a byte of ``comments`` are left out.

    Reads data : uint8[n]. Writes starts, stops : int32[m], kinds : uint8[m], row_starts : int64[k + 1] for k rows.
    ``quote``, ``escape`` 0: none. Returns (rows, cells, cells of kind RAW, position after the last row read).
    """
    n = len(data)
    i = 0
    rows = 0
    cells = 0
    raw = 0
    seps = np.uint64(sep) * _REPEAT
    row_starts[0] = 0
    while i < n and rows < max_rows:
        # PERF: one comparison tells most lines and cells that they do not begin with blanks.
        while i < n and data[i] <= _BLANK and (_is_gap(data[i], sep) or data[i] == _LF or data[i] == _CR or (sep == _BLANK and data[i] == _BLANK)):
            i += 1
        if i >= n:
            break
        marked = False
        for k in range(len(comments)):
            marked = marked or data[i] == comments[k]
        if marked:
            while i < n and data[i] != _LF and data[i] != _CR:
                i += 1
            continue
        while True:
            while i < n and data[i] <= _BLANK and _is_gap(data[i], sep):
                i += 1
            if sep == _BLANK:
                while i < n and data[i] == _BLANK:
                    i += 1
                if i >= n or data[i] == _LF or data[i] == _CR:
                    break
            kind = PLAIN
            if i < n and quote != 0 and data[i] == quote:
                start = i + 1
                i, stop, kind = _quoted_cell(data, start, quote, escape, n, sep)
                raw += kind == RAW
            else:
                start = i
                i = next_mark(data, i, n, sep, seps)
                stop = i
                if start == stop:
                    kind = EMPTY
            starts[cells] = start
            stops[cells] = stop
            kinds[cells] = kind
            cells += 1
            if i >= n or data[i] == _LF or data[i] == _CR:
                break
            i += 1
        rows += 1
        row_starts[rows] = cells
    while i < n and (data[i] == _LF or data[i] == _CR):
        i += 1
    return rows, cells, raw, i


@njit(cache=True, nogil=True)
def unescape(data, starts, stops, kinds, n_cells, quote, escape):  # type: ignore[no-untyped-def]
    """Resolve doubled quotes and escapes of RAW cells in place; they become QUOTED."""
    for k in range(n_cells):
        if kinds[k] != RAW:
            continue
        i = starts[k]
        out = i
        inside = True
        while i < stops[k]:
            c = data[i]
            if inside and escape != 0 and c == escape and i + 1 < stops[k]:
                i += 1
                c = data[i]
            elif inside and c == quote:
                if i + 1 < stops[k] and data[i + 1] == quote:
                    i += 1
                else:
                    inside = False
                    i += 1
                    continue
            data[out] = c
            out += 1
            i += 1
        stops[k] = out
        kinds[k] = QUOTED


@njit(cache=True, nogil=True, inline="always")
def _first_word(data, start, size):  # type: ignore[no-untyped-def]
    """Up to eight bytes of a text as a word, zeros after them."""
    if start + 8 <= len(data):
        return load_word(data, start) & _FIRST[min(size, 8)]
    word = np.uint64(0)
    for i in range(min(size, 8)):
        word |= np.uint64(data[start + i]) << np.uint64(8 * i)
    return word


@njit(cache=True, nogil=True, inline="always")
def _hash(data, start, size, first):  # type: ignore[no-untyped-def]
    """A hash of a text whose first eight bytes are ``first``."""
    h = (first ^ np.uint64(size)) * _FACTOR
    for at in range(8, size, 8):
        h ^= h >> np.uint64(32)
        h = (h ^ _first_word(data, start + at, size - at)) * _FACTOR
    return h ^ (h >> np.uint64(29)) ^ (h >> np.uint64(47))


@njit(cache=True, nogil=True)
def _same(data, a, b, size):  # type: ignore[no-untyped-def]
    """Whether two texts agree after their first eight bytes."""
    for at in range(8, size, 8):  # noqa: SIM110 - a generator would be slower
        if _first_word(data, a + at, size - at) != _first_word(data, b + at, size - at):
            return False
    return True


@njit(cache=True, nogil=True)
def find_codes(data, starts, stops, kinds, row_starts, first_row, column, codes, level_cells):  # type: ignore[no-untyped-def]
    """Codes of a column's cells in order of first appearance, -1 for nothing.

    Writes codes : int32[rows], level_cells : int64[rows], the first cell of each level. Returns the number of levels.
    """
    n_rows = len(codes)
    mask = 255
    table = np.full(mask + 1, -1, dtype=np.int32)
    hashes = np.empty(n_rows, dtype=np.uint64)
    words = np.empty(n_rows, dtype=np.uint64)
    n = 0
    for r in range(n_rows):
        cell = row_starts[first_row + r] + column
        if cell >= row_starts[first_row + r + 1] or kinds[cell] == EMPTY:
            codes[r] = -1
            continue
        start = np.int64(starts[cell])
        size = np.int64(stops[cell]) - start
        word = _first_word(data, start, size)
        h = _hash(data, start, size, word)
        slot = np.int64(h & np.uint64(mask))
        while True:
            found = table[slot]
            if found < 0:
                table[slot] = n
                hashes[n] = h
                words[n] = word
                level_cells[n] = cell
                found = n
                n += 1
                break
            if hashes[found] == h and words[found] == word:
                other = level_cells[found]
                if stops[other] - starts[other] == size and _same(data, start, np.int64(starts[other]), size):
                    break
            slot = (slot + 1) & mask
        codes[r] = found
        if n * 2 > mask:
            mask = mask * 4 + 3
            table = np.full(mask + 1, -1, dtype=np.int32)
            for k in range(n):
                slot = np.int64(hashes[k] & np.uint64(mask))
                while table[slot] >= 0:
                    slot = (slot + 1) & mask
                table[slot] = k
    return n


@njit(cache=True, nogil=True)
def copy_text(data, starts, stops, cells, offsets, out):  # type: ignore[no-untyped-def]
    """Texts of cells one after the other; a cell of -1 has none. ``out`` may be empty to learn the offsets alone."""
    at = 0
    offsets[0] = 0
    fill = len(out) > 0
    for k in range(len(cells)):
        cell = cells[k]
        if cell >= 0:
            size = stops[cell] - starts[cell]
            if fill:
                for i in range(size):
                    out[at + i] = data[starts[cell] + i]
            at += size
        offsets[k + 1] = at
