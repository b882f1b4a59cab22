"""Lines of SVMLight to entries of a sparse table: ``label [qid:number] index:value ... [# remark]``."""

from __future__ import annotations

import numpy as np
from h2ok.ext.parsers.csv.numbers import number_at
from numba import njit

__all__ = ["LABEL", "PLAIN", "QUERY", "TOO_WIDE", "WHOLE", "read_pairs"]

#: Columns of entries that are no features.
LABEL, QUERY = -2, -1
#: What a number is: any double, a whole number of 54 to 63 bits, one that does not fit into 64 bits.
PLAIN, WHOLE, TOO_WIDE = 0, 1, 2
_LF, _CR, _BLANK, _TAB, _REMARK, _COLON = map(ord, "\n\r \t#:")
#: More digits than any index that can be read.
_MOST_DIGITS = 9


@njit(cache=True, nogil=True)
def _is_nan(data, start, stop):  # type: ignore[no-untyped-def]
    start += start < stop and data[start] in (43, 45)
    return stop - start == 3 and (data[start] | 32) == 110 and (data[start + 1] | 32) == 97 and (data[start + 2] | 32) == 110


@njit(cache=True, nogil=True)
def read_pairs(data, rows, columns, values, whole, kinds, hard):  # type: ignore[no-untyped-def]
    """(lines, entries, numbers left to the caller, position of a word that is wrong or -1) of uint8[n].

    Writes for each entry rows : int64[m] (the line), columns : int64[m] (an index, ``LABEL`` or ``QUERY``), values : float64[m],
    kinds : uint8[m], and whole : int64[m] where the kind says so. Numbers of more than 19 digits are left to the caller:
    hard : int64[m, 3] entry, start, stop.
    """
    n = len(data)
    i, row, at, left = 0, 0, 0, 0
    while i < n:
        labelled = False
        while i < n and data[i] != _LF and data[i] != _CR:
            if data[i] == _BLANK or data[i] == _TAB:
                i += 1
                continue
            if data[i] == _REMARK:
                while i < n and data[i] != _LF and data[i] != _CR:
                    i += 1
                break
            start, colon = i, -1
            while i < n and data[i] > _BLANK and data[i] != _REMARK:
                if data[i] == _COLON and colon < 0:
                    colon = i
                i += 1
            begin, column = start, np.int64(LABEL)
            if labelled:
                begin = colon + 1
                column = np.int64(0)
                if colon < 0 or colon == start or colon - start > _MOST_DIGITS:
                    return row, at, left, start
                if colon - start == 3 and data[start] == 113 and data[start + 1] == 105 and data[start + 2] == 100:
                    column = np.int64(QUERY)
                else:
                    for k in range(start, colon):
                        if not 48 <= data[k] <= 57:
                            return row, at, left, start
                        column = column * 10 + np.int64(data[k] - 48)
            elif colon >= 0:
                return row, at, left, start
            if begin == i:
                return row, at, left, start
            value, is_hard, exact, kind = number_at(data, begin, i)
            if np.isnan(value) and not is_hard and not _is_nan(data, begin, i):
                return row, at, left, start
            if is_hard:
                hard[left, 0], hard[left, 1], hard[left, 2] = at, begin, i
                left += 1
            rows[at], columns[at], values[at], whole[at], kinds[at] = row, column, value, exact, kind
            at += 1
            labelled = True
        i += 1
        row += labelled
    return row, at, left, -1
