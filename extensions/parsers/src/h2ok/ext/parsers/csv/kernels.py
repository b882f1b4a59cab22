"""Kernels of the CSV reader: bytes to cells, cells to numbers, codes and text. Outputs are written into arrays of the caller."""

from __future__ import annotations

import numpy as np
from h2ok.kernel.words import byte_bits, count_bits, high_product, load_word, mark_bits, trailing_zeros
from numba import njit

__all__ = ["EMPTY", "PLAIN", "QUOTED", "RAW", "copy_text", "count_marks", "find_codes", "scan_cells", "unescape"]

#: Kinds of cells: nothing between separators, text as it is, text inside quotes, quoted text with doubled quotes or escapes.
EMPTY, PLAIN, QUOTED, RAW = 0, 1, 2, 3
_LF, _CR, _BLANK, _TAB = 10, 13, 32, 9
_FULL = np.uint64(2**64 - 1)
_0, _1, _2 = (np.uint64(k) for k in range(3))
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
def count_marks(data, quote):  # type: ignore[no-untyped-def]
    """(line feeds and carriage returns, quotes) in uint8[n]; no quotes are looked for when ``quote`` is 0."""
    n = len(data)
    whole = n - n % 64
    found, quotes = 0, 0
    for at in range(0, whole, 64):
        found += count_bits(mark_bits(data, at, np.uint8(_LF)))
        if quote != 0:
            quotes += count_bits(byte_bits(data, at, np.uint8(quote)))
    for at in range(whole, n):
        found += data[at] == _LF or data[at] == _CR
        quotes += quote != 0 and data[at] == quote
    return found, quotes


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
def _mixed(h, word):  # type: ignore[no-untyped-def]
    """A hash of what ``h`` stands for and a word after it: both halves of a product, so that each bit of both changes all."""
    x = h ^ word
    return (x * _FACTOR) ^ high_product(x, _FACTOR)


@njit(cache=True, nogil=True)
def _same_middle(data, at, texts, other, size):  # type: ignore[no-untyped-def]
    """Whether two texts of more than 16 bytes agree between their first and last eight bytes."""
    for k in range(8, size - 8, 8):  # noqa: SIM110 - a generator would be slower
        if load_word(data, at + k) != load_word(texts, other + k):
            return False
    return True


@njit(cache=True, nogil=True)
def _spread(entries, n, slots, mask):  # type: ignore[no-untyped-def]
    """Put levels ``: n`` into the first ``mask + 1`` slots."""
    slots[: mask + 1] = 0
    for k in range(n):
        slot = np.int64(entries[k, 0] >> _16) & mask
        while slots[slot] > 0:
            slot = (slot + 1) & mask
        slots[slot] = k + 1


@njit(cache=True, nogil=True)
def find_codes(data, starts, stops, kinds, row_starts, first, last, skip, column, codes, entries, offsets, texts, slots, state):  # type: ignore[no-untyped-def]
    """Codes of a column's cells in rows ``first : last``, in the order their texts are first met, -1 for nothing.

    The first row that is not done is returned: ``last``, or one with a new level for which the table has no room.

    Writes codes : int32[rows] from ``first - skip`` on, and the rest, which is a ``LevelTable``:
    entries : uint64[m, 3] hash, first and last eight bytes of each level, offsets : int64[m + 1] and texts : uint8[k] what it is,
    slots : int32[4**i], state : int64[2], levels so far and the part of the slots in use less one.
    """
    n, mask = state[0], state[1]
    # PERF: indexes without a sign need no look whether they count from the end.
    for row in range(first, last):
        r = np.uint64(row)
        cell = np.uint64(row_starts[r] + column)
        if cell >= np.uint64(row_starts[r + _1]) or kinds[cell] == EMPTY:
            codes[np.uint64(row - skip)] = -1
            continue
        start, stop = np.int64(starts[cell]), np.int64(stops[cell])
        size = stop - start
        word = _first_word(data, start, size)
        h = _mixed(np.uint64(size), word)
        end = np.uint64(0)
        if size > 8:
            end = load_word(data, stop - 8)
            h = _mixed(h, end)
            for k in range(8, size - 8, 8):
                h = _mixed(h, load_word(data, start + k))
        # The number of bytes takes the place of the lowest bits, which the table does not look at.
        tag = (h & ~_SIZES) | np.uint64(min(size, _MOST_SIZE))  # type: ignore[arg-type]
        slot = np.int64(tag >> _16) & mask
        while True:
            found = np.int64(slots[np.uint64(slot)]) - 1
            if found < 0:
                found = n
                at = offsets[found]
                if found >= len(entries) or at + size > len(texts):
                    state[0], state[1] = n, mask
                    return row
                n += 1
                slots[slot] = n
                entries[found, 0], entries[found, 1], entries[found, 2] = tag, word, end
                for k in range(size):
                    texts[at + k] = data[start + k]
                offsets[n] = at + size
                break
            level = np.uint64(found)
            if entries[level, _0] == tag and entries[level, _1] == word and entries[level, _2] == end:
                if size <= 16:
                    break
                at = offsets[found]
                if offsets[found + 1] - at == size and _same_middle(data, start, texts, at, size):
                    break
            slot = (slot + 1) & mask
        codes[np.uint64(row - skip)] = found
        if n * 2 > mask and mask * 4 + 3 < len(slots):
            mask = mask * 4 + 3
            _spread(entries, n, slots, mask)
    state[0], state[1] = n, mask
    return last


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
