"""Millions of rows, sorted and joined in the ranges that such frames are cut into."""

from __future__ import annotations

import numpy as np
import pytest
from h2ok.kernel.testing import local_cloud

from .conftest import Rapids


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_five_million_rows() -> None:
    """Sort and joins of 5M rows against numpy, and the same bits on one node and on three."""
    rng = np.random.default_rng(5)
    n, m = 5_000_000, 1_000_000
    k = rng.integers(0, 2 * m, n).astype(float)
    g = rng.integers(0, 7, n).astype(float)
    k[rng.random(n) < 0.01] = np.nan
    right = rng.permutation(2 * m)[:m].astype(float)
    answers = []
    for size in (1, 3):
        with local_cloud(size) as nodes:
            r = Rapids(nodes)
            r.put("l", 65536, k=k, g=g, row=np.arange(n, dtype=float))
            r.put("r", 65536, k=right, w=np.arange(m, dtype=float))
            found = {"sort": r.columns_of("(sort l [1 0] [-1 1])"), "inner": r.columns_of("(merge l r 0 0 [0] [0] 'auto')")}
            found["left"] = r.columns_of("(merge l r 1 0 [0] [0] 'auto')")
            answers.append(found)
    one, three = answers
    for name, columns in one.items():
        for a, b in zip(columns, three[name], strict=True):
            np.testing.assert_array_equal(a, b)
    order = np.lexsort((np.nan_to_num(k, nan=-1.0), -g))
    np.testing.assert_array_equal(one["sort"][2], order)
    where = np.full(2 * m, -1)
    where[right.astype(int)] = np.arange(m)
    known = ~np.isnan(k)
    match = np.full(n, -1)
    match[known] = where[k[known].astype(int)]
    by_key = np.argsort(np.nan_to_num(k, nan=-1.0), kind="stable")
    np.testing.assert_array_equal(one["left"][2], by_key)
    np.testing.assert_array_equal(np.nan_to_num(one["left"][3], nan=-1.0), match[by_key])
    matched = by_key[match[by_key] >= 0]
    np.testing.assert_array_equal(one["inner"][2], matched)
    np.testing.assert_array_equal(one["inner"][3], match[matched])
