"""MOJOs of XGBoost: a plain reader of the bytes, and H2O's own scoring library when it is at hand, say what the server says."""

from __future__ import annotations

import csv
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, MojoFile, local_runtime
from h2ok.capabilities.testing.samples import put_sample
from numpy.typing import NDArray

pytest.importorskip("xgboost")

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "trees": ("y", {}),
    "sparse": ("y", {"dmatrix_type": "sparse"}),
    "dart": ("y", {"booster": "dart", "rate_drop": 0.5, "max_depth": 3}),
    "linear": ("z", {"booster": "gblinear"}),
    "exact": ("z", {"tree_method": "exact", "min_split_improvement": 0.3}),
    "classes": ("k", {"ntrees": 4}),
    "poisson": ("count", {"distribution": "poisson"}),
    "offset": ("count", {"distribution": "poisson", "offset_column": "x3"}),
}


class Booster:
    """The booster's bytes, read field by field and scored row by row."""

    def __init__(self, data: bytes) -> None:
        assert data[:4] == b"binf"
        self.at, self.data = 4, data
        self.base, _, self.classes, _, _, major, minor = self.take("<fIiiiII")
        assert (major, minor) == (1, 6)
        self.at += 27 * 4
        self.objective, self.name = self.text(), self.text()
        if self.name == "gblinear":
            width = self.take("<I")[0]
            self.at += 4 + 128
            self.weights = np.frombuffer(data, "<f4", self.take("<Q")[0], self.at).reshape(width + 1, -1)
            return
        count = self.take("<i")[0]
        self.at += 156
        self.trees = [self.tree() for _ in range(count)]
        self.groups = self.take(f"<{count}i")
        self.drops = self.take(f"<{self.take('<Q')[0]}f") if self.name == "dart" else (1.0,) * count
        assert self.at == len(data)

    def take(self, form: str) -> tuple[Any, ...]:
        out = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return out

    def text(self) -> str:
        out = self.take(f"<{self.take('<Q')[0]}s")[0]
        return str(out.decode())

    def tree(self) -> list[tuple[Any, ...]]:
        _, n = self.take("<ii")
        self.at += 140
        nodes = [self.take("<iiiIf") for _ in range(n)]
        self.at += 16 * n
        return nodes

    def margins(self, x: NDArray[np.float32], start: NDArray[np.float32]) -> NDArray[np.float32]:
        k = max(self.classes, 1)
        out = np.repeat(start[:, None], k, axis=1).astype(np.float32)
        for i, row in enumerate(x):
            if self.name == "gblinear":
                out[i] += np.where(np.isnan(row), 0, row) @ self.weights[:-1] + self.weights[-1]
                continue
            for tree, group, drop in zip(self.trees, self.groups, self.drops, strict=True):
                at = 0
                while tree[at][1] != -1:
                    _, left, right, split, value = tree[at]
                    v = row[split & 0x7FFFFFFF]
                    at = left if (split >> 31 if np.isnan(v) else v < np.float32(value)) else right
                out[i, group] += np.float32(drop) * np.float32(tree[at][4])
        return out


def expanded(mojo: MojoFile, cells: dict[str, Any]) -> NDArray[np.float32]:
    """Rows as the reader makes them: one slot a level and one for missing, then the numbers."""
    info, n = mojo.info, len(next(iter(cells.values())))
    out = np.full((n, info["cat_offsets"][-1] + info["nums"]), np.nan if info["sparse"] else 0.0, dtype=np.float32)
    for j in range(info["cats"]):
        first, last = info["cat_offsets"][j : j + 2]
        name = mojo.columns[j]
        for i, cell in enumerate(cells[name]):
            out[i, first + mojo.domains[name].index(cell) if cell in mojo.domains[name] else last - 1] = 1
    for j in range(info["nums"]):
        x = np.asarray(cells[mojo.columns[info["cats"] + j]], dtype=np.float32)
        out[:, info["cat_offsets"][-1] + j] = np.where(x == 0, np.nan, x) if info["sparse"] else x
    return out


def scores(mojo: MojoFile, cells: dict[str, Any], offset: NDArray[np.float64] | None) -> NDArray[np.float64]:
    b = Booster(mojo.files["boosterBytes"])
    n = len(next(iter(cells.values())))
    first = {"binary:logistic": lambda p: np.log(p / (1 - p)), "count:poisson": np.log}.get(b.objective, float)(b.base)
    start = np.full(n, first) if offset is None else offset
    m = b.margins(expanded(mojo, cells), start.astype(np.float32)).astype(np.float64)
    if b.objective == "binary:logistic":
        p = 1 / (1 + np.exp(-m))
        return np.hstack([1 - p, p])
    if b.objective == "multi:softprob":
        e = np.exp(m - m.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True))
    return np.exp(m) if b.objective == "count:poisson" else m


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with local_runtime() as runtime:
        frame = put_sample(runtime.node)
        rng = np.random.default_rng(1)
        count = rng.poisson(np.exp(0.4 * frame.vec("x1").to_numpy(runtime.node))).astype(float)
        names = ("x1", "x2", "x3", "c", "y", "k", "z")
        columns = {n: frame.vec(n).to_numpy(runtime.node) for n in names} | {"count": count}
        columns |= {n: columns[n].astype(np.int32) for n in ("c", "y", "k")}
        domains = {n: frame.vec(n).domain for n in ("c", "y", "k")}
        runtime.node.frames.from_columns("train", columns, domains=domains, chunk_rows=60)
        put_sample(runtime.node, "test", n=50, missing=True, seed=9)
        yield runtime


def trained(runtime: Runtime, y: str, given: dict[str, Any]) -> tuple[bytes, dict[str, Any], NDArray[np.float64]]:
    """MOJO, cells of the test frame, and the server's predictions on it."""
    client = Client.of(runtime)
    ignored = [n for n in ("y", "k", "z", "count") if n != y]
    form = {
        "training_frame": "train",
        "response_column": y,
        "ignored_columns": ignored,
        "model_id": "m",
        "ntrees": 6,
        "seed": 1,
        **given,
    }
    job = client.job(client.post("/3/ModelBuilders/xgboost", **form))
    assert job["status"] == "DONE", job["exception"]
    assert client.get("/3/Models/m")["models"][0]["have_mojo"]
    assert client.job(client.post("/4/Predictions/models/m/frames/test", predictions_frame="p"))["status"] == "DONE"
    test = runtime.node.frames.get("test")
    cells: dict[str, Any] = {n: test.vec(n).to_numpy(runtime.node) for n in ("x1", "x2", "x3")}
    domain = test.vec("c").domain
    assert domain is not None
    cells["c"] = ["" if v < 0 or v != v else domain[int(v)] for v in test.vec("c").to_numpy(runtime.node)]
    found = np.asarray(runtime.node.frames.get("p").to_numpy(runtime.node), dtype=np.float64)
    return client.request("GET", "/3/Models/m/mojo").body, cells, found


@pytest.mark.parametrize("case", CASES)
def test_the_bytes_score_as_the_server_does(runtime: Runtime, case: str) -> None:
    y, given = CASES[case]
    data, cells, found = trained(runtime, y, given)
    mojo = MojoFile.read(data)
    assert mojo.info["booster"] == given.get("booster", "gbtree")
    expected = found[:, 1:] if y in ("y", "k") else found
    np.testing.assert_allclose(scores(mojo, cells, cells["x3"] if "offset_column" in given else None), expected, atol=2e-6)


@pytest.mark.engine
@pytest.mark.skipif(not os.environ.get("H2OK_H2O_JAR"), reason="H2OK_H2O_JAR names no h2o.jar")
@pytest.mark.parametrize("case", CASES)
def test_h2os_library_scores_as_the_server_does(runtime: Runtime, case: str, tmp_path: Path) -> None:
    y, given = CASES[case]
    data, cells, found = trained(runtime, y, given)
    (tmp_path / "m.zip").write_bytes(data)
    names = ["x1", "x2", "x3", "c"]
    rows = [["" if v != v else str(v) for v in row] for row in zip(*(cells[n] for n in names), strict=True)]
    with (tmp_path / "in.csv").open("w", newline="") as out:
        csv.writer(out).writerows([names, *rows])
    command = ["java", "-cp", os.environ["H2OK_H2O_JAR"], "hex.genmodel.tools.PredictCsv", "--decimal", "--mojo", "m.zip"]
    command += ["--input", "in.csv", "--output", "out.csv"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    with (tmp_path / "out.csv").open(newline="") as made:
        answers = list(csv.DictReader(made))
    if y in ("y", "k"):
        domain = runtime.node.frames.get("train").vec(y).domain or ()
        assert [a["predict"] for a in answers] == [domain[int(v)] for v in found[:, 0]]
        np.testing.assert_allclose([[float(a[d]) for d in domain] for a in answers], found[:, 1:], atol=1e-5)
    else:
        np.testing.assert_allclose([float(a["predict"]) for a in answers], found[:, 0], rtol=1e-5, atol=1e-5)
