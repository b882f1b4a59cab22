"""Random frames, missing values, interactions and splits through REST."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client

RANDOM = {
    "rows": 70_000, "cols": 12, "categorical_fraction": 0.25, "integer_fraction": 0.25, "binary_fraction": 0.1,
    "time_fraction": 0.1, "string_fraction": 0.1, "missing_fraction": 0.05, "factors": 7, "seed": 3, "has_response": True,
}  # fmt: skip


def made(client: Client, dest: str, **fields: Any) -> Any:
    assert client.job(client.post("/3/CreateFrame", dest=dest, **fields))["status"] == "DONE"


def test_a_random_frame_has_the_asked_shape_kinds_and_missing_share(client: Client, runtime: Runtime) -> None:
    made(client, "r", **RANDOM)
    frame = runtime.node.frames.get("r")
    assert (frame.n_rows, frame.n_cols) == (70_000, 13)
    kinds = [v.type for v in frame.vecs]
    assert kinds[0] == "enum"
    assert frame.vecs[0].cardinality == 2
    assert sorted(kinds[1:]) == ["enum"] * 3 + ["numeric"] * 7 + ["string"] + ["time"]
    shares = [runtime.node.rollups(v).na_count / 70_000 for v in frame.vecs]
    assert shares[0] == 0
    assert all(0.04 < s < 0.06 for s in shares[1:])


def test_the_same_seed_gives_the_same_frame_and_another_one_does_not(client: Client, runtime: Runtime) -> None:
    sums = []
    for dest, seed in (("a", 3), ("b", 3), ("c", 4)):
        made(client, dest, **{**RANDOM, "seed": seed})
        sums.append([runtime.node.rollups(v).checksum for v in runtime.node.frames.get(dest).vecs])
    assert sums[0] == sums[1] != sums[2]


@pytest.mark.parametrize(
    "bad",
    [{"rows": -5}, {"cols": 0}, {"categorical_fraction": 2}, {"integer_fraction": 0.9, "binary_fraction": 0.9}, {"factors": 0}],
)
def test_impossible_frames_are_refused(client: Client, bad: dict[str, Any]) -> None:
    answer = client.post("/3/CreateFrame", expect=400, **{"dest": "x", "rows": 5, "cols": 2, **bad})
    assert answer["exception_type"] == "java.lang.IllegalArgumentException"
    assert client.get("/3/Frames")["frames"] == []


def test_missing_values_are_inserted_in_every_kind_of_column(client: Client, runtime: Runtime) -> None:
    made(client, "r", **{**RANDOM, "missing_fraction": 0})
    job = client.post("/3/MissingInserter", dataset="r", fraction=0.3, seed=1)
    assert job["status"] == "DONE"
    for v in runtime.node.frames.get("r").vecs:
        assert 0.28 < runtime.node.rollups(v).na_count / 70_000 < 0.32


def test_interactions_count_like_numpy(client: Client, runtime: Runtime) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.choice(["x", "y", "z"], 5000, p=[0.6, 0.3, 0.1]), rng.choice(["p", "q"], 5000)
    runtime.node.frames.from_columns("f", {"a": a.tolist(), "b": b.tolist()}, chunk_rows=700)
    job = client.job(
        client.post("/3/Interaction", dest="i", source_frame="f", factor_columns=["a", "b"], max_factors=4, min_occurrence=1)
    )
    assert job["status"] == "DONE"
    vec = runtime.node.frames.get("i").vecs[0]
    pairs = [f"{s}_{t}" for s, t in zip(a, b, strict=True)]
    levels, counts = np.unique(pairs, return_counts=True)
    assert len(set(counts)) == len(counts), "the data must not leave the order to ties"
    frequent = [levels[i] for i in np.argsort(-counts)][:4]
    assert vec.domain == (*frequent, "other")
    assert vec.to_strings(runtime.node) == [p if p in frequent else "other" for p in pairs]


def test_equally_frequent_levels_have_h2os_order(client: Client, runtime: Runtime) -> None:
    kinds = ["setosa"] * 5 + ["versicolor"] * 5 + ["virginica"] * 5
    columns = {
        "kind": kinds,
        "first": [str(int(k == "setosa")) for k in kinds],
        "last": [str(int(k == "virginica")) for k in kinds],
    }
    runtime.node.frames.from_columns("f", columns, chunk_rows=4)
    client.job(
        client.post("/3/Interaction", dest="i", source_frame="f", factor_columns=list(columns), pairwise=True, max_factors=9)
    )
    made = runtime.node.frames.get("i")
    assert made.vec("kind_first").domain == ("setosa_1", "versicolor_0", "virginica_0")
    assert made.vec("first_last").domain == ("0_0", "1_0", "0_1")


def test_pairwise_interactions_make_a_column_a_pair(client: Client, runtime: Runtime) -> None:
    runtime.node.frames.from_columns("f", {n: ["u", "v", None] for n in "abc"})
    client.job(
        client.post("/3/Interaction", dest="i", source_frame="f", factor_columns=["a", "b", "c"], pairwise=True, max_factors=9)
    )
    frame = runtime.node.frames.get("i")
    assert frame.names == ("a_b", "a_c", "b_c")
    assert frame.vecs[0].to_strings(runtime.node) == ["u_u", "v_v", "NA_NA"]


def test_interactions_need_enum_columns(client: Client, runtime: Runtime) -> None:
    runtime.node.frames.from_columns("f", {"a": ["u", "v"], "n": np.array([1.0, 2.0])})
    answer = client.post("/3/Interaction", expect=400, dest="i", source_frame="f", factor_columns=["a", "n"], max_factors=9)
    assert "'n' is numeric" in answer["msg"]


def test_split_is_a_partition_in_order(client: Client, runtime: Runtime) -> None:
    values = np.arange(100_001, dtype=np.float64)
    runtime.node.frames.from_columns("f", {"v": values, "t": [f"t{i}" for i in range(100_001)]}, {"t": "string"})
    answer = client.post("/3/SplitFrame", dataset="f", ratios=[0.5, 0.2])
    runtime.node.jobs.wait(answer["key"]["name"])
    parts = [runtime.node.frames.get(k["name"]) for k in answer["destination_frames"]]
    assert [p.n_rows for p in parts] == [50_000, 20_000, 30_001]
    assert np.array_equal(np.concatenate([p.vec("v").to_numpy(runtime.node) for p in parts]), values)
    assert parts[2].vec("t").to_strings(runtime.node)[0] == "t70000"


def test_bad_ratios_are_refused(client: Client, runtime: Runtime) -> None:
    runtime.node.frames.from_columns("f", {"v": np.arange(3.0)})
    client.post("/3/SplitFrame", expect=400, dataset="f", ratios=[2.0], destination_frames=["a", "b"])
    client.post("/3/SplitFrame", expect=404, dataset="nosuch", ratios=[0.5])


def test_levels_are_named_after_the_place_of_their_column(client: Client, runtime: Runtime) -> None:
    enums = {"rows": 10, "cols": 1, "categorical_fraction": 1, "integer_fraction": 0, "binary_fraction": 0, "factors": 2, "seed": 1}
    made(client, "plain", **enums)
    made(client, "answered", has_response=True, **enums)
    assert runtime.node.frames.get("plain").vecs[0].domain == ("c0.l0", "c0.l1")
    assert [v.domain for v in runtime.node.frames.get("answered").vecs] == [("0", "1"), ("c1.l0", "c1.l1")]
    for key in ("plain", "answered"):
        runtime.node.frames.remove(key)


def test_too_many_levels_are_refused(client: Client) -> None:
    error = client.post("/3/CreateFrame", dest="x", rows=1, factors=10_000_001, expect=400)
    assert "Number of factors must be <= 10,000,000" in error["msg"]


def test_made_frames_are_found_under_the_names_asked_for(client: Client, runtime: Runtime) -> None:
    made(client, "has/slash", rows=10, cols=2, seed=1)
    answer = client.post("/3/SplitFrame", dataset="has/slash", ratios=[0.5], destination_frames=["a/1", "a/2"])
    runtime.node.jobs.wait(answer["key"]["name"])
    for key in ("has/slash", "a/1", "a/2"):
        assert client.get(f"/3/Frames/{key}")["frames"][0]["frame_id"]["name"] == key
    assert "control character" in client.post("/3/CreateFrame", expect=412, dest="a\nb", rows=1, cols=1)["msg"]
