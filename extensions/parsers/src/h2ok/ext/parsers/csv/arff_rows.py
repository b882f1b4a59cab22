"""Rows of ARFF, as WEKA takes them, to lines of CSV: commas or blanks between cells, both kinds of quotes, sparse rows, weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.ext.parsers.csv.scratch import Scratch
from h2ok.kernel import IllegalArgumentError, wire_type
from numba import njit
from numpy.typing import NDArray

__all__ = ["ArffRows", "rewrite_rows"]

_LF, _CR, _BLANK, _TAB, _COMMA, _BACKSLASH, _QUOTE, _APOSTROPHE, _OPEN, _CLOSE, _AT = map(ord, "\n\r \t,\\\"'{}@")
#: How cells of a row are parted: by commas, by commas and blanks, by a separator, by blanks, within braces, by tabs.
_COMMAS, _ANYTHING, _GIVEN, _BLANKS, _BRACES, _TABS = range(6)
#: What a backslash and a letter stand for.
_ESCAPES = np.arange(256, dtype=np.uint8)
_ESCAPES[[ord(c) for c in "ntrbf"]] = [ord(c) for c in "\n\t\r\b\f"]
_HEADER_WORDS = np.array([list(w.ljust(9, b"\0")) for w in (b"relation", b"attribute", b"data")], dtype=np.uint8)
_HEADER_SIZES = np.array([8, 9, 4])
#: 1 for a comma, 2 for what needs care: quotes, braces, blanks.
_KINDS = np.zeros(256, dtype=np.uint8)
_KINDS[_COMMA] = 1
_KINDS[[_QUOTE, _APOSTROPHE, _OPEN, _CLOSE, _BLANK, _TAB]] = 2
#: A row that is not sparse grows at most so much: a quote alone becomes four, with a comma before them.
_MOST_GROWTH = 5
#: Bytes that sparse rows of a block may become. SECURITY: a few bytes stand for as many cells as there are columns.
_MOST_BYTES = 1 << 27


@wire_type("csv.arff_rows")
@dataclass(frozen=True, slots=True)
class ArffRows:
    """``defaults``: for each column what a sparse row that leaves it out means. ``separator``: a comma for WEKA's rule."""

    defaults: tuple[str, ...]
    separator: str = ","
    comments: str = "%"

    def rewrite(self, text: NDArray[np.uint8], scratch: Scratch) -> NDArray[np.uint8]:
        """The rows of whole lines as CSV with commas and double quotes, in ``scratch``; lines of a header are left out.

        Raises
        ------
        IllegalArgumentError
            A sparse row is malformed, or sparse rows are too many to be written out.
        """
        cells = [d.encode() for d in self.defaults]
        offsets = np.cumsum([0, *map(len, cells)], dtype=np.int64)
        defaults = np.array(bytearray(b"".join(cells)), dtype=np.uint8)
        comments = np.array(bytearray(self.comments.encode("latin-1", "ignore")), dtype=np.uint8)
        most = _MOST_GROWTH * (len(text) + 1)
        limit = max(_MOST_BYTES, most)
        given = text, ord(self.separator), _marks_of(ord(self.separator)), comments, defaults, offsets, limit
        out: NDArray[np.uint8] = scratch.array("rewritten", most, np.uint8)
        size, wrong = rewrite_rows(*given, out)
        if wrong >= 0:
            row = text[wrong : wrong + 100].tobytes().decode("utf-8", "replace").splitlines()[0]
            raise IllegalArgumentError(
                f"Cannot read the sparse row '{row}'. Expected: {{index value, ...}} with rising indexes from 0 to"
                f" {len(cells) - 1}."
            )
        if size > limit:
            raise IllegalArgumentError(
                f"{len(text)} bytes of sparse rows become more than {limit} bytes when all {len(cells)} columns are written out,"
                " which is too much at once. Parse with a smaller chunk_size."
            )
        if size > len(out):
            out = scratch.array("rewritten", size, np.uint8)
            rewrite_rows(*given, out)
        return out[:size]


def _marks_of(separator: int) -> NDArray[np.uint8]:
    """uint8[6, 256]: for each way to part cells 1 for a byte that ends a cell, 2 for a blank that is passed over, 3 for both."""
    marks = np.zeros((6, 256), dtype=np.uint8)
    ends = {
        _COMMAS: [_COMMA], _ANYTHING: [_COMMA, _BLANK, _TAB], _GIVEN: [separator % 256], _BLANKS: [_BLANK, _TAB],
        _BRACES: [_COMMA, _CLOSE, _BLANK, _TAB], _TABS: [_TAB],
    }  # fmt: skip
    for mode, some in ends.items():
        marks[mode, some] |= 1
        gaps = [c for c in (_BLANK, _TAB) if mode not in (_GIVEN, _TABS) or c not in some]
        marks[mode, gaps] |= 2
    return marks


@njit(cache=True, nogil=True, inline="always")
def _put(out, at, c):  # type: ignore[no-untyped-def]
    """The position after ``c``, which is written where there is room."""
    if at < len(out):
        out[at] = c
    return at + 1


@njit(cache=True, nogil=True, inline="always")
def _is_gap(c):  # type: ignore[no-untyped-def]
    return c in (_BLANK, _TAB)


@njit(cache=True, nogil=True)
def _skip_gaps(data, i, stop, marks):  # type: ignore[no-untyped-def]
    while i < stop and marks[data[i]] & 2:
        i += 1
    return i


@njit(cache=True, nogil=True)
def _cell(data, i, stop, marks, out, at):  # type: ignore[no-untyped-def]
    """(position after the cell and the blanks behind it, position in ``out``, whether text follows its quotes)."""
    quoted = i < stop and (data[i] == _QUOTE or data[i] == _APOSTROPHE)
    if quoted:
        quote = data[i]
        i += 1
        at = _put(out, at, _QUOTE)
        while i < stop:
            c = data[i]
            if c == _BACKSLASH and i + 1 < stop:
                i += 1
                c = _ESCAPES[data[i]]
            elif c == quote:
                if i + 1 >= stop or data[i + 1] != quote:
                    break
                i += 1
            if c == _QUOTE:
                at = _put(out, at, _QUOTE)
            at = _put(out, at, c)
            i += 1
        i += 1
        if not marks[_BLANK] & 1:
            i = _skip_gaps(data, i, stop, marks)
    begin = i
    careful = quoted
    while i < stop and not marks[data[i]] & 1:
        careful = careful or data[i] == _COMMA or data[i] == _QUOTE
        i += 1
    end = i
    while end > begin and _is_gap(data[end - 1]):
        end -= 1
    if careful and not quoted:
        at = _put(out, at, _QUOTE)
    for k in range(begin, end):
        if careful and data[k] == _QUOTE:
            at = _put(out, at, _QUOTE)
        at = _put(out, at, data[k])
    if careful:
        at = _put(out, at, _QUOTE)
    return _skip_gaps(data, min(i, stop), stop, marks), at, quoted and end > begin


@njit(cache=True, nogil=True)
def _dense(data, i, stop, marks, out, at):  # type: ignore[no-untyped-def]
    """(cells, position in ``out``, whether text follows quotes) of a row."""
    n = 0
    odd = False
    i = _skip_gaps(data, i, stop, marks)
    while True:
        if n:
            at = _put(out, at, _COMMA)
        i, at, more = _cell(data, i, stop, marks, out, at)
        odd = odd or more
        n += 1
        if i >= stop:
            return n, at, odd
        if marks[data[i]] & 1:
            i = _skip_gaps(data, i + 1, stop, marks)


@njit(cache=True, nogil=True)
def _row(data, i, stop, sep, n_cols, marks, out, at):  # type: ignore[no-untyped-def]
    """The position in ``out`` after a row that is not sparse.

    WEKA takes commas, tabs and blanks alike; texts with blanks but without quotes stay whole where the number of cells tells that
    they are one.
    """
    if sep != _COMMA:
        _, at, _ = _dense(data, i, stop, marks[_BLANKS if sep == _BLANK else _GIVEN], out, at)
        return at
    commas, after, odd = _dense(data, i, stop, marks[_COMMAS], out, at)
    if commas >= n_cols and not odd:
        return after
    nothing = out[:0]
    tabs, _, odd = _dense(data, i, stop, marks[_TABS], nothing, 0)
    if tabs == n_cols and not odd:
        _, after, _ = _dense(data, i, stop, marks[_TABS], out, at)
        return after
    both, _, odd = _dense(data, i, stop, marks[_ANYTHING], nothing, 0)
    if commas == 1 or (both == n_cols and not odd):
        _, after, _ = _dense(data, i, stop, marks[_ANYTHING], out, at)
    return after


@njit(cache=True, nogil=True)
def _without_weight(data, i, stop):  # type: ignore[no-untyped-def]
    """The end of a row without the weight ``{2.5}`` behind it."""
    if data[stop - 1] != _CLOSE:
        return stop
    k = stop - 2
    while k > i and (48 <= data[k] <= 57 or data[k] in (43, 45, 46, 69, 101) or _is_gap(data[k])):
        k -= 1
    if k <= i or data[k] != _OPEN or not (_is_gap(data[k - 1]) or data[k - 1] == _COMMA):
        return stop
    while k > i and _is_gap(data[k - 1]):
        k -= 1
    if k > i and data[k - 1] == _COMMA:
        k -= 1
    return k


@njit(cache=True, nogil=True)
def _sparse(data, i, stop, marks, defaults, offsets, out, at):  # type: ignore[no-untyped-def]
    """(position in ``out``, whether all is right) of ``{index value, ...}``, the brace behind ``i``."""
    n_cols = len(offsets) - 1
    column = 0
    closed = False
    while True:
        i = _skip_gaps(data, i, stop, marks)
        if i >= stop:
            return at, False
        closed = data[i] == _CLOSE
        index, digits = np.int64(n_cols), 0
        if not closed:
            index = np.int64(0)
            while i < stop and digits < 9 and 48 <= data[i] <= 57:
                index = index * 10 + np.int64(data[i] - 48)
                digits += 1
                i += 1
            if digits == 0 or index < column or index >= n_cols or i >= stop or not _is_gap(data[i]):
                return at, False
        while column < index:
            if column:
                at = _put(out, at, _COMMA)
            for k in range(offsets[column], offsets[column + 1]):
                at = _put(out, at, defaults[k])
            column += 1
        if closed:
            return at, True
        if column:
            at = _put(out, at, _COMMA)
        i, at, _ = _cell(data, _skip_gaps(data, i, stop, marks), stop, marks, out, at)
        column += 1
        if i >= stop or (data[i] != _COMMA and data[i] != _CLOSE):
            return at, False
        i += data[i] == _COMMA


@njit(cache=True, nogil=True)
def _is_header(data, i, stop):  # type: ignore[no-untyped-def]
    """Whether a line begins with one of the words of a header."""
    if data[i] != _AT:
        return False
    for w in range(3):
        n = _HEADER_SIZES[w]
        same = i + 1 + n == stop or (i + 1 + n < stop and _is_gap(data[i + 1 + n]))
        for k in range(n):
            same = same and (data[i + 1 + k] | 32) == _HEADER_WORDS[w, k]
        if same:
            return True
    return False


@njit(cache=True, nogil=True)
def rewrite_rows(data, sep, marks, comments, defaults, offsets, limit, out):  # type: ignore[no-untyped-def]
    """(bytes of all rows as CSV, position of a sparse row that cannot be read or -1).

    Reads data : uint8[n] of whole lines, marks : uint8[6, 256] of ``_marks_of``, and the cells between offsets : int64[n_cols + 1]
    in defaults : uint8[m] for what sparse rows leave out. Writes out : uint8[k] as far as it goes; stops behind ``limit`` bytes.
    """
    n = len(data)
    n_cols = len(offsets) - 1
    i, at = 0, 0
    around = marks[_BLANKS if sep == _BLANK else _GIVEN]
    while i < n and at <= limit:
        begin = i
        commas = 0
        # PERF: rows of nothing but numbers and words are CSV already.
        plain = sep == _COMMA
        while i < n and data[i] != _LF and data[i] != _CR:
            kind = _KINDS[data[i]]
            plain = plain and kind != 2
            commas += kind == 1
            i += 1
        stop = i
        i += 1
        begin = _skip_gaps(data, begin, stop, around)
        while stop > begin and around[data[stop - 1]] & 2:
            stop -= 1
        if begin == stop:
            continue
        left_out = _is_header(data, begin, stop)
        for k in range(len(comments)):
            left_out = left_out or data[begin] == comments[k]
        if left_out:
            continue
        if plain and commas + 1 >= n_cols and at + stop - begin <= len(out):
            out[at : at + stop - begin] = data[begin:stop]
            at += stop - begin
        elif data[begin] == _OPEN:
            at, good = _sparse(data, begin + 1, stop, marks[_BRACES], defaults, offsets, out, at)
            if not good:
                return at, begin
        else:
            at = _row(data, begin, _without_weight(data, begin, stop), sep, n_cols, marks, out, at)
        at = _put(out, at, _LF)
    return at, -1
