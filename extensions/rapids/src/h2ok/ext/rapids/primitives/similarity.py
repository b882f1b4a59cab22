"""Similarity of texts: 1 for equal ones, 0 for nothing in common."""

from __future__ import annotations

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

_WINKLER_PREFIX = 4
#: Length of the parts of q-grams, and the shortest common substring that counts.
_Q = 2
_SHORTEST = 2
#: Similarity of different words that sound alike.
_ALIKE = 0.9


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


def common_substrings(a: str, b: str) -> float:
    """Length of the common substrings over the shorter length; the longest is cut out of both, again and again."""
    shorter = min(len(a), len(b))
    if not shorter:
        return float(a == b)
    total = 0
    while True:
        i, j, n = _longest_common_substring(a, b)
        if n < _SHORTEST:
            return total / shorter
        total += n
        a, b = a[:i] + a[i + n :], b[:j] + b[j + n :]


def _longest_common_substring(a: str, b: str) -> tuple[int, int, int]:
    """(start in a, start in b, length); the first of equally long ones."""
    best = (0, 0, 0)
    previous = [0] * (len(b) + 1)
    for i, x in enumerate(a, 1):
        current = [0] * (len(b) + 1)
        for j, y in enumerate(b, 1):
            if x == y:
                current[j] = previous[j - 1] + 1
                if current[j] > best[2]:
                    best = (i - current[j], j - current[j], current[j])
        previous = current
    return best


def q_gram(a: str, b: str) -> float:
    """Common pairs of neighbouring characters over the smaller number of pairs (overlap coefficient)."""
    x, y = ({s[i : i + _Q] for i in range(len(s) - _Q + 1)} for s in (a, b))
    return len(x & y) / min(len(x), len(y)) if x and y else float(a == b)


def jaccard(a: str, b: str) -> float:
    """Common words over all words (Jaccard 1912)."""
    x, y = set(a.split()), set(b.split())
    return len(x & y) / len(x | y) if x | y else float(a == b)


def jaro_winkler(a: str, b: str) -> float:
    """Jaro 1989 with the bonus of Winkler 1990 for a common prefix.

    H2O: each step back in the matches is a transposition, and the prefix always counts.
    """
    if a == b:
        return 1.0
    a, b = (a, b) if len(a) <= len(b) else (b, a)
    reach = len(b) // 2
    free = [True] * len(b)
    matches = swaps = 0
    last = -1
    for i, x in enumerate(a):
        j = next((j for j in range(max(0, i - reach), min(len(b), i + reach)) if free[j] and b[j] == x), -1)
        if j >= 0:
            free[j] = False
            matches += 1
            swaps += j < last
            last = j
    if not matches:
        return 0.0
    jaro = (matches / len(a) + matches / len(b) + (matches - swaps) / matches) / 3
    prefix = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    return jaro + min(prefix, _WINKLER_PREFIX) * (1 - jaro) / 10


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
    """1 for equal words, 0.9 for equal codes (Russell 1918), else 0."""
    return 1.0 if a == b else _ALIKE if _soundex_code(a) == _soundex_code(b) else 0.0


MEASURES: dict[str, Callable[[str, str], float]] = {
    "lv": levenshtein,
    "lcs": common_substrings,
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
