"""Similarity of texts: 1 for equal ones, 0 for nothing in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import blockwise, map_vecs
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.primitives.strings import text_columns
from h2ok.kernel import Block, Frame, OutputSpec

__all__ = ["MEASURES", "PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives

_WINKLER_SCALE = 0.1
_WINKLER_PREFIX = 4
_WINKLER_THRESHOLD = 0.7
_Q = 3


def levenshtein(a: str, b: str) -> float:
    """1 - edit distance / longer length (Levenshtein 1966)."""
    if not a and not b:
        return 1.0
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        current = [i]
        for j, y in enumerate(b, 1):
            current.append(min(previous[j] + 1, current[-1] + 1, previous[j - 1] + (x != y)))
        previous = current
    return 1.0 - previous[-1] / max(len(a), len(b))


def longest_common_subsequence(a: str, b: str) -> float:
    """Length of the longest common subsequence over the longer length."""
    if not a and not b:
        return 1.0
    previous = [0] * (len(b) + 1)
    for x in a:
        current = [0]
        for j, y in enumerate(b, 1):
            current.append(previous[j - 1] + 1 if x == y else max(previous[j], current[-1]))
        previous = current
    return previous[-1] / max(len(a), len(b))


def _grams(s: str, q: int) -> Counter[str]:
    return Counter(s[i : i + q] for i in range(len(s) - q + 1))


def q_gram(a: str, b: str) -> float:
    """1 - differing 3-grams over all 3-grams (Ukkonen 1992)."""
    x, y = _grams(a, _Q), _grams(b, _Q)
    total = sum(x.values()) + sum(y.values())
    if not total:
        return float(a == b)
    return 1.0 - sum(abs(x[g] - y[g]) for g in {*x, *y}) / total


def jaccard(a: str, b: str) -> float:
    """Common 3-grams over all different 3-grams (Jaccard 1912)."""
    x, y = set(_grams(a, _Q)), set(_grams(b, _Q))
    return len(x & y) / len(x | y) if x | y else float(a == b)


def jaro_winkler(a: str, b: str) -> float:
    """Jaro 1989 with the bonus of Winkler 1990 for a common prefix."""
    if not a or not b:
        return float(a == b)
    reach = max(max(len(a), len(b)) // 2 - 1, 0)
    free = [True] * len(b)
    matched_a: list[str] = []
    for i, x in enumerate(a):
        for j in range(max(0, i - reach), min(len(b), i + reach + 1)):
            if free[j] and b[j] == x:
                free[j] = False
                matched_a.append(x)
                break
    m = len(matched_a)
    if not m:
        return 0.0
    matched_b = [y for y, f in zip(b, free, strict=True) if not f]
    swaps = sum(x != y for x, y in zip(matched_a, matched_b, strict=True)) / 2
    jaro = (m / len(a) + m / len(b) + (m - swaps) / m) / 3
    if jaro <= _WINKLER_THRESHOLD:
        return jaro
    prefix = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return jaro + min(prefix, _WINKLER_PREFIX) * _WINKLER_SCALE * (1 - jaro)


_SOUNDEX = {c: d for d, letters in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), 1) for c in letters}


def _soundex_code(s: str) -> str:
    letters = [c for c in s.upper() if "A" <= c <= "Z"]
    if not letters:
        return ""
    out = letters[0]
    last = _SOUNDEX.get(letters[0])
    for c in letters[1:]:
        digit = _SOUNDEX.get(c)
        if digit is not None and digit != last:
            out += str(digit)
        if c not in "HW":
            last = digit
    return (out + "000")[:4]


def soundex(a: str, b: str) -> float:
    """Equal characters of the two codes over four (Russell 1918)."""
    x, y = _soundex_code(a), _soundex_code(b)
    return sum(p == q for p, q in zip(x, y, strict=False)) / 4 if x and y else float(x == y)


MEASURES: dict[str, Callable[[str, str], float]] = {
    "lv": levenshtein,
    "lcs": longest_common_subsequence,
    "qgram": q_gram,
    "jaccard": jaccard,
    "jw": jaro_winkler,
    "soundex": soundex,
}


@blockwise
def _compare(block: Block, params: dict[str, Any]) -> None:
    measure, empty = MEASURES[params["measure"]], params["compare_empty"]
    known: dict[tuple[str, str], float] = {}
    n = len(block.vecs) // 2
    for j in range(n):
        out = np.full(block.n_rows, np.nan)
        for i, (a, b) in enumerate(zip(block.strings(j), block.strings(n + j), strict=True)):
            if a is None or b is None or (not empty and not (a and b)):
                continue
            if (a, b) not in known:
                known[a, b] = measure(a, b)
            out[i] = known[a, b]
        block.write(j, out)


@family("strDistance", "x y measure compare_empty", "Similarity of texts row by row: lv, lcs, qgram, jaccard, jw or soundex.")
def string_distance(env: Env, x: Any, y: Any, measure: Any, compare_empty: Any) -> Frame:
    a, b, name = text_columns(x, "strDistance"), text_columns(y, "strDistance"), args.as_string(measure, "measure")
    if name not in MEASURES:
        raise BadRequestError(f"Measure '{name}' is unknown; it must be one of {', '.join(MEASURES)}.")
    if a.n_rows != b.n_rows or a.n_cols != b.n_cols:
        raise BadRequestError(
            f"strDistance needs frames of equal dimensions, found {a.n_rows}x{a.n_cols} and {b.n_rows}x{b.n_cols}."
        )
    vecs = [*a.vecs, *env.node.frames.align(b.vecs, a.espc)]
    empty = args.as_bool(compare_empty, "compare_empty flag")
    out = map_vecs(env.node, _compare, vecs, [OutputSpec()] * a.n_cols, measure=name, compare_empty=empty)
    return Frame("", tuple(f"C{j + 1}" for j in range(a.n_cols)), out)
