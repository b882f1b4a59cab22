"""Kernels of the CSV reader: bytes to cells, cells to numbers, codes and text. Outputs are written into arrays of the caller."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["EMPTY", "PLAIN", "QUOTED", "RAW", "copy_text", "find_codes", "parse_numbers", "scan_cells", "unescape"]

#: Kinds of cells: nothing between separators, text as it is, text inside quotes, quoted text with doubled quotes or escapes.
EMPTY, PLAIN, QUOTED, RAW = 0, 1, 2, 3
_LF, _CR, _BLANK, _TAB = 10, 13, 32, 9
_POWERS = 10.0 ** np.arange(23)
_MAX_MANTISSA = np.uint64(1 << 53)
_TEN = np.uint64(10)


@njit(cache=True, nogil=True)
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
    row_starts[0] = 0
    while i < n and rows < max_rows:
        while i < n and (_is_gap(data[i], sep) or data[i] == _LF or data[i] == _CR or (sep == _BLANK and data[i] == _BLANK)):
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
            while i < n and _is_gap(data[i], sep):
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
                while i < n and data[i] != sep and data[i] != _LF and data[i] != _CR:
                    i += 1
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


@njit(cache=True, nogil=True)
def _word(data, i, stop):  # type: ignore[no-untyped-def]
    """Infinity for ``inf`` and ``infinity`` in any case, else NaN."""
    n = stop - i
    if n not in (3, 8):
        return np.nan
    word = (105, 110, 102, 105, 110, 105, 116, 121)
    for k in range(n):
        if (data[i + k] | 32) != word[k]:
            return np.nan
    return np.inf


@njit(cache=True, nogil=True)
def _number(data, start, stop, quoted):  # type: ignore[no-untyped-def]
    """(value, whether the text is a number, whether the value still has to be read exactly, end of the digits)."""
    i = start
    while not quoted and stop > i and (data[stop - 1] == _BLANK or data[stop - 1] == _TAB):
        stop -= 1
    percent = stop > i and data[stop - 1] == 37
    if percent:
        stop -= 1
        while stop > i and (data[stop - 1] == _BLANK or data[stop - 1] == _TAB):
            stop -= 1
    if i < stop and data[i] == 36:
        i += 1
    negative = i < stop and data[i] == 45
    if i < stop and (data[i] == 45 or data[i] == 43):
        i += 1
    first = i
    mantissa = np.uint64(0)
    digits = 0
    seen = 0
    scale = 0
    exact = True
    point = False
    while i < stop:
        c = data[i]
        if 48 <= c <= 57:
            seen += 1
            if digits < 19:
                mantissa = mantissa * _TEN + np.uint64(c - 48)
                digits += mantissa != np.uint64(0)
                scale -= point
            else:
                exact = exact and c == 48
                scale += not point
        elif c == 46 and not point:
            point = True
        else:
            break
        i += 1
    if seen == 0:
        if i == stop and not percent:
            # A sign or a point alone is a number to H2O's guess; here it has no value.
            return np.nan, stop > start, False, stop
        found = _word(data, first, stop)
        return (-found if negative else found), False, False, stop
    if i < stop and (data[i] | 32) == 101:
        i += 1
        minus = i < stop and data[i] == 45
        if i < stop and (data[i] == 45 or data[i] == 43):
            i += 1
        if i >= stop:
            return np.nan, False, False, stop
        power = 0
        while i < stop and 48 <= data[i] <= 57:
            power = min(power * 10 + (data[i] - 48), 100000)
            i += 1
        scale += -power if minus else power
    if i != stop:
        return np.nan, False, False, stop
    if percent:
        scale -= 2
    if mantissa == np.uint64(0) and exact:
        return (-0.0 if negative else 0.0) + 0.0, True, False, stop
    if not exact or mantissa > _MAX_MANTISSA or scale > 22 or scale < -22:
        return np.nan, True, True, stop
    value = float(mantissa)
    value = value * _POWERS[scale] if scale >= 0 else value / _POWERS[-scale]
    return (-value if negative else value), True, False, stop


@njit(cache=True, nogil=True)
def parse_numbers(data, starts, stops, kinds, row_starts, first_row, columns, out, is_number, slow_cell, slow_at):  # type: ignore[no-untyped-def]
    """Numbers of some columns; what is no number is NaN.

    Writes out : float64[len(columns), rows], and is_number : bool of the same shape unless it is empty. Numbers that need more than
    53 bits on the way are left to the caller: slow_cell (cell), slow_at (position in ``out.ravel()``). Returns how many.
    """
    n_rows = out.shape[1]
    slow = 0
    want = is_number.shape[0] > 0
    for r in range(n_rows):
        base = row_starts[first_row + r]
        width = row_starts[first_row + r + 1] - base
        for k in range(len(columns)):
            j = columns[k]
            value = np.nan
            good = False
            if j < width and kinds[base + j] != EMPTY:
                cell = base + j
                value, good, hard, _ = _number(data, starts[cell], stops[cell], kinds[cell] == QUOTED)
                if hard:
                    slow_cell[slow] = cell
                    slow_at[slow] = k * n_rows + r
                    slow += 1
            out[k, r] = value
            if want:
                is_number[k, r] = good
    return slow


@njit(cache=True, nogil=True)
def _hash(data, start, stop):  # type: ignore[no-untyped-def]
    h = np.uint64(14695981039346656037)
    for i in range(start, stop):
        h = (h ^ np.uint64(data[i])) * np.uint64(1099511628211)
    h ^= h >> np.uint64(29)
    return h


@njit(cache=True, nogil=True)
def _same(data, a, b, n):  # type: ignore[no-untyped-def]
    for i in range(n):  # noqa: SIM110 - a generator would be slower
        if data[a + i] != data[b + i]:
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
    n = 0
    last_start = 0
    last_size = -1
    last_code = -1
    for r in range(n_rows):
        cell = row_starts[first_row + r] + column
        if cell >= row_starts[first_row + r + 1] or kinds[cell] == EMPTY:
            codes[r] = -1
            continue
        start = starts[cell]
        size = stops[cell] - start
        if size == last_size and _same(data, start, last_start, size):
            codes[r] = last_code
            continue
        h = _hash(data, start, start + size)
        slot = np.int64(h & np.uint64(mask))
        while True:
            found = table[slot]
            if found < 0:
                table[slot] = n
                hashes[n] = h
                level_cells[n] = cell
                found = n
                n += 1
                break
            other = level_cells[found]
            if hashes[found] == h and stops[other] - starts[other] == size and _same(data, start, starts[other], size):
                break
            slot = (slot + 1) & mask
        codes[r] = found
        last_start, last_size, last_code = start, size, found
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
