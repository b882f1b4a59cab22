"""Sorting, grouping and joining by ranges of keys: equal to numpy and pandas, the same bits on any number of nodes."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from h2ok.ext.rapids import grouping, ranges
from h2ok.ext.rapids.kernels import partition_rows
from h2ok.kernel import StateLostError
from h2ok.kernel.cloud.cloud import Member
from h2ok.kernel.testing import local_cloud

from .conftest import Rapids

RNG = np.random.default_rng(3)
N = 3000
FEW = RNG.choice([0.0, 1.0, 2.5, np.nan, -7.0], N)
MANY = np.where(RNG.random(N) < 0.05, np.nan, RNG.normal(size=N).round(2))
LEVEL = RNG.choice(np.array(["b", "a", "d", None]), N).tolist()
OTHER = RNG.choice(np.array(["c", "a", "d", None]), 700).tolist()


@pytest.fixture(scope="module", params=[1, 3], ids=["1node", "3nodes"])
def cloud(request: pytest.FixtureRequest) -> Iterator[Rapids]:
    with local_cloud(request.param) as nodes:
        r = Rapids(nodes)
        r.put("l", 100, {"e": "enum"}, few=FEW, many=MANY, e=LEVEL, row=np.arange(N, dtype=float))
        r.put("r", 70, {"e": "enum"}, few=FEW[:700] + 1, many=MANY[:700], e=OTHER, at=np.arange(700, dtype=float))
        yield r


@pytest.fixture(autouse=True)
def by_ranges(monkeypatch: pytest.MonkeyPatch, cloud: Rapids) -> Iterator[None]:
    """Every frame counts as large, and a range holds about 100 rows."""
    for name, value in (("MANY_ROWS", 1), ("_RANGE_ROWS", 100)):
        monkeypatch.setattr(ranges, name, value)
    before = {k for n in cloud.nodes for k in n.dkv.local_keys() if not k.startswith("\x01r")}
    yield
    cloud("(rm out)")
    assert {k for n in cloud.nodes for k in n.dkv.local_keys() if not k.startswith("\x01r")} == before
    assert not any(n.rpc.serve("rapids.pieces", None)._pieces for n in cloud.nodes)


def numbers(frame: Any, r: Rapids, name: str) -> Any:
    return frame.vec(name).to_numpy(r.node)


@pytest.mark.parametrize("columns", ["[0]", "[1]", "[2]", "[0 1]", "[2 0 1]"])
@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
def test_sort(cloud: Rapids, columns: str, down: bool) -> None:
    names = [("few", "many", "e")[int(c)] for c in columns.strip("[]").split()]
    directions = " ".join(["-1" if down else "1"] * len(names))
    found = cloud.frame(f"(sort l {columns} [{directions}])")
    table = pd.DataFrame({"few": FEW, "many": MANY, "e": LEVEL})
    expected = table.sort_values(names, kind="stable", na_position="first", ascending=not down)
    np.testing.assert_array_equal(numbers(found, cloud, "row"), expected.index)


@pytest.mark.parametrize("flags", ["0 0", "1 0", "0 1", "1 1"])
@pytest.mark.parametrize("key", [0, 1, 2])
def test_join(cloud: Rapids, monkeypatch: pytest.MonkeyPatch, flags: str, key: int) -> None:
    text = f"(merge (cols l [{key} 3]) (cols r [{key} 3]) {flags} [0] [0] 'auto')"
    large = cloud.frame(text)
    found = [large.vecs[j].to_numpy(cloud.node) for j in range(3)]
    name = ("few", "many", "e")[key]
    left = pd.DataFrame({"key": {"few": FEW, "many": MANY, "e": LEVEL}[name], "row": np.arange(N)})
    right = pd.DataFrame({"key": {"few": FEW[:700] + 1, "many": MANY[:700], "e": OTHER}[name], "at": np.arange(700)})
    known = left.dropna(subset="key").merge(right.dropna(subset="key"), on="key", how="inner")
    pairs = sorted(zip(known.row, known["at"], strict=True))
    both = ~np.isnan(found[1]) & ~np.isnan(found[2])
    assert sorted(zip(found[1][both].astype(int), found[2][both].astype(int), strict=True)) == pairs
    monkeypatch.setattr(ranges, "MANY_ROWS", 10**9)
    small = cloud.frame(text)
    for j in range(3):
        np.testing.assert_array_equal(small.vecs[j].to_numpy(cloud.node), found[j])


def test_groups(cloud: Rapids, monkeypatch: pytest.MonkeyPatch) -> None:
    import h2ok.ext.rapids.grouping as grouping

    text = "(GB l [1 2] 'mean' 3 'all' 'sdev' 3 'all' 'min' 0 'rm' 'nrow' 0 'all')"
    folded = cloud.frame(text)
    expected = [folded.vecs[j].to_numpy(cloud.node) for j in range(6)]
    monkeypatch.setattr(grouping, "MANY_ROWS", 1)
    monkeypatch.setattr(grouping, "_DISTINCT_SHARE", 0.0)
    ranged = cloud.frame(text)
    for j in range(6):
        np.testing.assert_allclose(ranged.vecs[j].to_numpy(cloud.node), expected[j], rtol=1e-12)


def test_empty_and_constant_columns(cloud: Rapids) -> None:
    assert cloud.frame("(sort (rows l (> (cols l 3) 99999)) [0] [1])").n_rows == 0
    same = cloud.frame("(sort (append l 5 'c') ['c'] [1])")
    np.testing.assert_array_equal(numbers(same, cloud, "row"), np.arange(N))
    assert cloud.frame("(merge l (rows r (> (cols r 3) 99999)) 1 0 [0] [0] 'auto')").n_rows == N


@pytest.mark.parametrize("n_keys", [1, 2, 3])
@pytest.mark.parametrize("n_bounds", [0, 1, 2, 3, 7, 8, 9, 100])
def test_partition_rows_is_a_stable_counting_sort(n_keys: int, n_bounds: int) -> None:
    keys = RNG.integers(0, 20, (5000, n_keys))
    bounds = np.unique(RNG.integers(0, 20, (n_bounds, n_keys)), axis=0).reshape(-1, n_keys)
    order, offsets = partition_rows(keys, bounds)
    place = np.array([bisect.bisect_right([tuple(b) for b in bounds.tolist()], tuple(k)) for k in keys.tolist()])
    np.testing.assert_array_equal(order, np.argsort(place, kind="stable"))
    np.testing.assert_array_equal(offsets, [0, *np.cumsum(np.bincount(place, minlength=len(bounds) + 1))])


@pytest.mark.parametrize(
    "what", ["(sort l [1] [1])", "(GB l [1] mean 3 'all')", "(merge (cols l [1 3]) (cols r [1 3]) 0 0 [0] [0] 'auto')"]
)
def test_pieces_that_went_with_a_node_are_made_again_and_never_left_out(
    cloud: Rapids, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    # Whether or not another test has imported it before: groups go by ranges here, too.
    monkeypatch.setattr(grouping, "MANY_ROWS", 1)
    monkeypatch.setattr(grouping, "_DISTINCT_SHARE", 0.0)
    expected = cloud.frame(what)
    wanted = [v.to_numpy(cloud.node) for v in expected.vecs if v.type != "string"]
    cloud("(rm out)")
    serve, lost = ranges._Store.serve, []

    def forgetful(store: Any, payload: Any) -> Any:
        """The first process that is asked for pieces has been started again since."""
        if payload is not None and len(payload) == 3 and not lost:
            lost.append(payload[0])
            serve(store, (payload[0],))
        return serve(store, payload)

    for node in cloud.nodes:
        store = node.rpc.serve("rapids.pieces", None)
        monkeypatch.setattr(store, "serve", lambda payload, store=store: forgetful(store, payload))
        monkeypatch.setitem(node.rpc._services, "rapids.pieces", lambda payload, store=store: forgetful(store, payload))
    found = cloud.frame(what)
    assert lost
    for have, want in zip([v.to_numpy(cloud.node) for v in found.vecs if v.type != "string"], wanted, strict=True):
        np.testing.assert_array_equal(have, want)


def test_members_that_change_meanwhile_end_the_work_with_a_reason(cloud: Rapids, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "_SETTLE_SECONDS", 0.01)
    lives = iter(range(1000))
    monkeypatch.setattr(ranges, "_members", lambda node: [Member(m, str(next(lives))) for m in node.cloud.members])
    with pytest.raises(StateLostError, match="Nodes came or went while large frames were sorted"):
        ranges.sorted_rows(cloud.node, ranges.Side((cloud.node.frames.get("l").vec("many"),)))
