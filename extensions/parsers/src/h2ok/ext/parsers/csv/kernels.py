"""Kernels of the CSV reader: bytes to cells, cells to numbers, codes and text. Outputs are written into arrays of the caller."""

from __future__ import annotations

import numpy as np
from h2ok.kernel.words import count_bits, load_word, mark_bits, trailing_zeros
from numba import njit

__all__ = ["EMPTY", "PLAIN", "QUOTED", "RAW", "copy_text", "count_line_ends", "find_codes", "scan_cells", "unescape"]

#: Kinds of cells: nothing between separators, text as it is, text inside quotes, quoted text with doubled quotes or escapes.
EMPTY, PLAIN, QUOTED, RAW = 0, 1, 2, 3
_LF, _CR, _BLANK, _TAB = 10, 13, 32, 9
_FULL = np.uint64(2**64 - 1)
_SIZES, _MOST_SIZE, _16 = np.uint64(0xFFFF), 0xFFFF, np.uint64(16)
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


@njit(cache=True, nogil=True, inline="always")
def _next_mark(data, i, n, sep, base, marks):  # type: ignore[no-untyped-def]
    """(position of the next separator or line end from ``i`` on or ``n``, base, marks); marks of the 64 bytes from ``base``.

    PERF: the loop over words runs once for each 64 bytes, so that lengths of cells cost no mispredicted branches.
    """
    gone = i - base
    rest = marks & (_FULL << np.uint64(gone)) if gone < 64 else np.uint64(0)
    if rest == 0:
        base = max(base + 64, i)
        while base + 64 <= n:
            marks = mark_bits(data, base, np.uint8(sep))
            rest = marks
            if rest != 0:
                break
            base += 64
        if rest == 0:
            i = base
            while i < n and data[i] != sep and data[i] != _LF and data[i] != _CR:
                i += 1
            return i, i - 64, np.uint64(0)
    return base + trailing_zeros(rest), base, marks


@njit(cache=True, nogil=True)
def count_line_ends(data):  # type: ignore[no-untyped-def]
    """Line feeds and carriage returns in uint8[n]."""
    n = len(data)
    whole = n - n % 64
    found = 0
    for at in range(0, whole, 64):
        found += count_bits(mark_bits(data, at, np.uint8(_LF)))
    for at in range(whole, n):
        found += data[at] == _LF or data[at] == _CR
    return found


@njit(cache=True, nogil=True)
def scan_cells(data, at, limit, sep, quote, escape, comments, starts, stops, kinds, row_starts, rows, cells, max_rows):  # type: ignore[no-untyped-def]
    """Cut bytes into rows and cells; blank lines and lines that begin with a byte of ``comments`` are left out.

    Reads data : uint8[n] from ``at``, no further row from ``limit`` on or after ``max_rows``. Writes starts, stops : int32[m],
    kinds : uint8[m] after the first ``cells``, row_starts : int64[k + 1] after the first ``rows``. ``quote``, ``escape`` 0: none.
    Returns (rows, cells, cells of kind RAW, position after the last row read).
    """
    n = len(data)
    i = at
    raw = 0
    base, marks = at - 64, np.uint64(0)
    row_starts[rows] = cells
    while i < n and i < limit and rows < max_rows:
        # PERF: one comparison tells most lines and cells that they do not begin with blanks.
        while (
            i < n
            and data[i] <= _BLANK
            and (_is_gap(data[i], sep) or data[i] == _LF or data[i] == _CR or (sep == _BLANK and data[i] == _BLANK))
        ):
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
                i, base, marks = _next_mark(data, i, n, sep, base, marks)
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
def unescape(data, starts, stops, kinds, first_cell, n_cells, quote, escape):  # type: ignore[no-untyped-def]
    """Resolve doubled quotes and escapes of RAW cells in place; they become QUOTED."""
    for k in range(first_cell, n_cells):
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
def _find_codes(data, starts, stops, kinds, row_starts, first, last, skip, column, codes, level_cells, words, tags, table, state):  # type: ignore[no-untyped-def]
    """``find_codes`` for one column."""
    n, mask = state[0], state[1]
    for r in range(first, last):
        cell = row_starts[r] + column
        if cell >= row_starts[r + 1] or kinds[cell] == EMPTY:
            codes[r - skip] = -1
            continue
        start = np.int64(starts[cell])
        size = np.int64(stops[cell]) - start
        word = _first_word(data, start, size)
        # The number of bytes takes the place of the lowest bits, which the table does not look at.
        tag = (_hash(data, start, size, word) & ~_SIZES) | np.uint64(min(size, 0xFFFF))  # type: ignore[call-overload,type-var,arg-type]
        slot = np.int64(tag >> _16) & mask
        while True:
            found = table[slot] - 1
            if found < 0:
                found = n
                n += 1
                table[slot] = n
                tags[found] = tag
                words[found] = word
                level_cells[found] = cell
                break
            if tags[found] == tag and words[found] == word:
                if size <= 8:
                    break
                other = level_cells[found]
                if stops[other] - starts[other] == size and _same(data, start, np.int64(starts[other]), size):
                    break
            slot = (slot + 1) & mask
        codes[r - skip] = found
        if n * 2 > mask and mask * 4 + 3 < len(table):
            mask = mask * 4 + 3
            table[: mask + 1] = 0
            for k in range(n):
                slot = np.int64(tags[k] >> _16) & mask
                while table[slot] > 0:
                    slot = (slot + 1) & mask
                table[slot] = k + 1
    state[0], state[1] = n, mask


@njit(cache=True, nogil=True)
def find_codes(  # type: ignore[no-untyped-def]
    data, starts, stops, kinds, row_starts, first, last, skip, columns, codes, level_cells, words, tags, tables, states
):
    """Codes of some columns' cells in rows ``first : last``, in order of first appearance, -1 for nothing.

    Goes on where the last call stopped, and writes for each column k codes : int32[k, rows] from ``first - skip`` on,
    level_cells : int64[k, rows], the first cell of each level, its word and tag : uint64[k, rows], tables : int32[k, m] with room
    for twice as many levels as rows, states : int64[k, 2], levels so far and the part of the table in use less one; that part is
    zeros at first.
    """
    for k in range(len(columns)):
        _find_codes(
            data, starts, stops, kinds, row_starts, first, last, skip, columns[k],
            codes[k], level_cells[k], words[k], tags[k], tables[k], states[k],
        )  # fmt: skip


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
