"""Rollups, quantiles, histograms and chunk summaries against plain numpy, and the same bits on every cloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from h2ok.kernel import IllegalArgumentError, Node
from h2ok.kernel.frame import quantiles as module
from h2ok.kernel.frame.histogram import histogram, percentiles
from h2ok.kernel.frame.quantiles import DEFAULT_PROBS, quantiles
from h2ok.kernel.frame.summary import chunk_summary
from h2ok.kernel.testing import local_cloud
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

RNG = np.random.default_rng(11)
N = 70_000
COLUMNS: dict[str, NDArray[np.float64]] = {
    "normal": RNG.normal(size=N),
    "ints": RNG.integers(-20, 30, N).astype(np.float64),
    "wide_ints": RNG.integers(-(10**9), 10**9, N).astype(np.float64),
    "missing": np.where(RNG.random(N) < 0.3, np.nan, RNG.normal(size=N)),
    "outlier": np.concatenate([RNG.normal(size=N), [1e300, -1e308]]),
    "lognormal": np.exp(RNG.normal(size=N) * 20),
    "ties": np.round(RNG.normal(size=N), 1) + 0.05,
    "infinite": np.concatenate([RNG.normal(size=N), [np.inf, -np.inf, -np.inf]]),
    "constant": np.full(N, 2.5),
    "zeros": np.concatenate([np.zeros(N), [-0.0]]),
    "short": np.array([3.0, 1.0, 2.0]),
    "one": np.array([5.0]),
    "unknown": np.full(5, np.nan),
    "few": np.array([np.nan, 2.0, np.nan]),
    "halves": np.repeat([0.0, 1e-300, 1e300], N // 3),
}


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with local_cloud(1, nthreads=2) as nodes:
        yield nodes[0]


def naive_rollups(x: NDArray[np.float64]) -> dict[str, Any]:
    known = x[~np.isnan(x)]
    finite = known[np.isfinite(known)]
    with np.errstate(all="ignore"):
        return {
            "na_count": len(x) - len(known),
            "zero_count": int((known == 0).sum()),
            "pinf_count": int((known == np.inf).sum()),
            "ninf_count": int((known == -np.inf).sum()),
            "mins": np.sort(known)[:5],
            "maxs": np.sort(known)[::-1][:5],
            "mean": finite.mean() if len(finite) else np.nan,
            "sigma": finite.std(ddof=1) if len(finite) > 1 else 0.0 if len(finite) else np.nan,
            "is_int": len(known) == len(finite) and bool((finite == np.rint(finite)).all()),
        }


@pytest.mark.parametrize("name", COLUMNS)
def test_rollups_are_those_of_numpy(node: Node, name: str) -> None:
    x = COLUMNS[name]
    stats = node.rollups(node.frames.vec_of(x))
    for field, expected in naive_rollups(x).items():
        got = getattr(stats, field)
        if field in ("mean", "sigma") and np.isfinite(expected):
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12 * float(np.abs(x[np.isfinite(x)]).max()))
        elif field not in ("mean", "sigma") or name != "outlier":
            np.testing.assert_array_equal(got, expected, field)


def test_rollups_of_many_columns_are_those_of_each() -> None:
    with local_cloud(3) as nodes:
        frames = nodes[0].frames
        x = [frames.vec_of(RNG.normal(size=5000), chunk_rows=500) for _ in range(4)]
        mixed = [*x, frames.vec_of(["a", None] * 2500, "string", chunk_rows=500), frames.vec_of(np.arange(7.0))]
        alone = nodes[1].rollups(x[2])
        many = nodes[2].rollups_many(mixed)
        assert [m.checksum for m in many] == [nodes[0].rollups(v).checksum for v in mixed]
        assert (many[2].mean, many[2].sigma) == (alone.mean, alone.sigma)
        assert many[4].na_count == 2500
        assert [f.key for f in frames.list()] == []


def test_checksums_tell_columns_apart(node: Node) -> None:
    base = np.arange(10_000.0)
    swapped = base.copy()
    swapped[[5, 9000]] = swapped[[9000, 5]]
    one_bit = base.copy()
    one_bit[77] = np.nextafter(77.0, 78)
    sums = {
        node.rollups(node.frames.vec_of(x)).checksum for x in (base, swapped, one_bit, base[:-1], np.where(base == 3, np.nan, base))
    }
    assert len(sums) == 5
    text = {node.rollups(node.frames.vec_of(x, "string")).checksum for x in (["a", "bc"], ["ab", "c"], ["a", None], ["a", ""])}
    assert len(text) == 4


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize(
    ("method", "theirs"), [("interpolate", "linear"), ("low", "lower"), ("high", "higher"), ("average", "midpoint")]
)
def test_quantiles_are_those_of_numpy(node: Node, name: str, method: Any, theirs: Any) -> None:
    x = COLUMNS[name]
    known = x[~np.isnan(x)]
    probs = [0.0, *DEFAULT_PROBS, 1.0, 0.5]
    got = quantiles(node, node.frames.vec_of(x), probs, method)
    if not len(known):
        assert np.isnan(got).all()
        return
    with np.errstate(all="ignore"):
        expected = np.quantile(known, probs, method=theirs)
    finite = np.isfinite(expected)
    np.testing.assert_allclose(got[finite], expected[finite], rtol=1e-12)


def test_quantiles_split_crowded_ranges(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GATHER", 50)
    for name, x in COLUMNS.items():
        known = x[~np.isnan(x)]
        if len(known):
            np.testing.assert_array_equal(
                quantiles(node, node.frames.vec_of(x), DEFAULT_PROBS, "low"),
                np.quantile(known, DEFAULT_PROBS, method="lower"),
                name,
            )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(allow_nan=False), st.integers(0, 4)), min_size=1, max_size=40),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
def test_a_weight_counts_a_row_as_often(node: Node, rows: list[tuple[float, int]], probs: list[float]) -> None:
    values, weights = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], dtype=np.float64)
    repeated = np.sort(np.repeat(values, weights.astype(int)))
    got = quantiles(node, node.frames.vec_of(values), probs, "low", weights=node.frames.vec_of(weights))
    if not len(repeated):
        assert np.isnan(got).all()
    else:
        np.testing.assert_array_equal(got, repeated[np.floor(np.array(probs) * (len(repeated) - 1)).astype(int)])


def test_wrong_quantiles_are_refused(node: Node) -> None:
    vec = node.frames.vec_of(np.arange(5.0))
    with pytest.raises(IllegalArgumentError, match="from 0 to 1"):
        quantiles(node, vec, [1.5])
    with pytest.raises(IllegalArgumentError, match="interpolate, average"):
        quantiles(node, vec, [0.5], "nearest")  # type: ignore[arg-type]
    with pytest.raises(IllegalArgumentError, match="string"):
        quantiles(node, node.frames.vec_of(["a"], "string"), [0.5])
    assert len(quantiles(node, vec, [])) == 0


def test_histograms_count_every_known_value(node: Node) -> None:
    reals = histogram(node, node.frames.vec_of(COLUMNS["normal"]))
    assert reals is not None
    x = COLUMNS["normal"]
    expected, _ = np.histogram(x, 1000)
    assert (len(reals.bins), reals.bins.sum(), reals.base) == (1000, N, x.min())
    assert np.abs(reals.bins - expected).sum() <= 4
    ints = histogram(node, node.frames.vec_of(COLUMNS["ints"]))
    assert ints is not None
    assert (ints.base, ints.stride) == (-20.0, 1.0)
    np.testing.assert_array_equal(ints.bins, np.bincount(COLUMNS["ints"].astype(int) + 20))
    levels = histogram(node, node.frames.vec_of(np.array([0, 2, 2, -1]), "enum", ["a", "b", "c", "d"]))
    assert levels is not None
    assert levels.bins.tolist() == [1, 0, 2, 0]
    constant = histogram(node, node.frames.vec_of(COLUMNS["constant"]))
    assert constant is not None
    assert constant.bins.tolist() == [N]
    assert histogram(node, node.frames.vec_of(["a"], "string")) is None
    assert histogram(node, node.frames.vec_of(COLUMNS["unknown"])) is None
    assert histogram(node, node.frames.vec_of(COLUMNS["infinite"])) is None


def test_percentiles_of_text_are_none(node: Node) -> None:
    assert percentiles(node, node.frames.vec_of(["a"], "string")) is None
    some = percentiles(node, node.frames.vec_of(np.arange(101.0)))
    assert some is not None
    np.testing.assert_allclose(some, np.array(DEFAULT_PROBS) * 100)


def test_chunk_summaries_add_up() -> None:
    with local_cloud(3) as nodes:
        frame = nodes[0].frames.from_columns(
            "f", {"i": np.arange(9000) % 200, "r": RNG.normal(size=9000), "c": np.ones(9000)}, chunk_rows=1000
        )
        summary = chunk_summary(nodes[1], frame)
        assert [(c.chunk_type, c.count) for c in summary.codecs] == [("C0L", 9), ("C1N", 9), ("C8D", 9)]
        assert sum(c.count_percentage for c in summary.codecs) == pytest.approx(100)
        assert sum(c.size_percentage for c in summary.codecs) == pytest.approx(100)
        assert [n.name for n in summary.nodes] == [m.name for m in nodes[0].cloud.members] + [
            "mean",
            "min",
            "max",
            "stddev",
            "total",
        ]
        assert [n.number_of_rows for n in summary.nodes] == [3000, 3000, 3000, 3000, 3000, 3000, 0, 9000]
        assert summary.nodes[-1].number_of_chunks == 27
        assert summary.nodes[-1].size == summary.nbytes == 9000 * 9 + 9 * 16


def test_every_statistic_is_the_same_bits_on_any_cloud() -> None:
    seen = set()
    weights = RNG.random(N)
    for n in (1, 2, 3):
        for threads in (1, 2):
            with local_cloud(n, threads) as nodes:
                marks: list[bytes] = []
                w = nodes[0].frames.vec_of(weights, chunk_rows=3000)
                for name in ("normal", "missing", "ints", "lognormal"):
                    vec = nodes[-1].frames.vec_of(COLUMNS[name], chunk_rows=3000)
                    stats = nodes[n // 2].rollups(vec)
                    marks.append(np.array([stats.mean, stats.sigma, stats.checksum]).tobytes())
                    marks.append(quantiles(nodes[0], vec, DEFAULT_PROBS).tobytes())
                    marks.append(quantiles(nodes[0], vec, DEFAULT_PROBS, weights=w).tobytes())
                    h = histogram(nodes[0], vec)
                    assert h is not None
                    marks.append(h.bins.tobytes())
                seen.add(b"".join(marks))
    assert len(seen) == 1
