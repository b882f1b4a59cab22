"""MOJOs of GLM: a plain reader of the coefficients, and H2O's own scoring library when it is at hand, say what the server says."""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, MojoFile, local_runtime
from numpy.typing import NDArray

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "gaussian": ("z", {}),
    "all levels": ("z", {"lambda": 0.01}),
    "binomial": ("y", {"standardize": False}),
    "poisson": ("count", {"family": "poisson", "offset_column": "x2"}),
    "gamma": ("positive", {"family": "gamma", "link": "log"}),
    "tweedie": ("count", {"family": "tweedie", "tweedie_variance_power": 1.5, "tweedie_link_power": 0.0}),
    "negative binomial": ("count", {"family": "negativebinomial", "theta": 0.1, "link": "log"}),
    "classes": ("k", {"family": "multinomial"}),
}
NAMES = ("x1", "x2", "c", "big")
#: Levels that a careless writer of text breaks.
LEVELS = ("a", "b = 2", "c\\d", "#e", "[f]", " g ", "über")


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with local_runtime() as runtime:
        for key, n, holes in (("train", 300, False), ("test", 40, True)):
            rng = np.random.default_rng(n)
            x1, x2 = rng.normal(size=n), rng.normal(2, 3, size=n).round(3)
            c, big = rng.integers(0, 3, size=n).astype(np.int32), rng.integers(0, len(LEVELS), size=n).astype(np.int32)
            f = 0.5 * x1 - 0.1 * x2 + 0.3 * (c == 1) + 0.05 * big
            if holes:
                x1[::7], c[::5], big[::6] = np.nan, -1, -1
            columns = {
                "x1": x1, "x2": x2, "c": c, "big": big, "z": f + 0.1 * rng.normal(size=n),
                "y": (f + 0.3 * rng.normal(size=n) > 0.1).astype(np.int32), "k": np.clip(np.floor(f + 1.5), 0, 2).astype(np.int32),
                "count": rng.poisson(np.exp(0.3 * f)).astype(float), "positive": np.exp(f),
            }  # fmt: skip
            domains = {"c": ("p", "q", "r"), "big": LEVELS, "y": ("no", "yes"), "k": ("low", "mid", "top")}
            runtime.node.frames.from_columns(key, columns, domains=domains, chunk_rows=70)
        yield runtime


def trained(runtime: Runtime, y: str, given: dict[str, Any]) -> tuple[bytes, dict[str, Any], NDArray[np.float64]]:
    """MOJO, cells of the test frame, and the server's predictions on it."""
    client = Client.of(runtime)
    ignored = [n for n in ("y", "k", "z", "count", "positive") if n != y]
    form = {"training_frame": "train", "response_column": y, "ignored_columns": ignored, "model_id": "m", **given}
    job = client.job(client.post("/3/ModelBuilders/glm", **form))
    assert job["status"] == "DONE", job["exception"]
    assert client.get("/3/Models/m")["models"][0]["have_mojo"]
    assert client.job(client.post("/4/Predictions/models/m/frames/test", predictions_frame="p"))["status"] == "DONE"
    test = runtime.node.frames.get("test")
    cells: dict[str, Any] = {n: test.vec(n).to_numpy(runtime.node) for n in ("x1", "x2")}
    for name in ("c", "big"):
        domain = test.vec(name).domain or ()
        cells[name] = ["" if not v >= 0 else domain[int(v)] for v in test.vec(name).to_numpy(runtime.node)]
    found = np.asarray(runtime.node.frames.get("p").to_numpy(runtime.node), dtype=np.float64)
    return client.request("GET", "/3/Models/m/mojo").body, cells, found


def scores(mojo: MojoFile, cells: dict[str, Any]) -> NDArray[np.float64]:
    """The linear predictors and their means, a row after the other."""
    info = mojo.info
    beta = np.array(info["beta"]).reshape(info["n_classes"] if info["family"] == "multinomial" else 1, -1)
    offset = cells[info["offset_column"]] if "offset_column" in info else np.zeros(len(cells["x1"]))
    out = []
    for i in range(len(cells["x1"])):
        eta = beta[:, -1] + offset[i]
        for j in range(info["cats"]):
            name, first, end = mojo.columns[j], info["cat_offsets"][j], info["cat_offsets"][j + 1]
            level = mojo.domains[name].index(cells[name][i]) if cells[name][i] else info["cat_modes"][j]
            at = first + level - (0 if info["use_all_factor_levels"] else 1)
            eta = eta + (beta[:, at] if first <= at < end else 0)
        for j in range(info["nums"]):
            v = cells[mojo.columns[info["cats"] + j]][i]
            eta = eta + beta[:, info["cat_offsets"][-1] + j] * (info["num_means"][j] if np.isnan(v) else v)
        out.append(eta)
    m = np.array(out)
    if info["family"] == "multinomial":
        e = np.exp(m - m.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True))
    if info["family"] == "binomial":
        return np.hstack([1 - 1 / (1 + np.exp(-m)), 1 / (1 + np.exp(-m))])
    return m if info["link"] == "identity" else np.exp(m)


@pytest.mark.parametrize("case", CASES)
def test_the_coefficients_score_as_the_server_does(runtime: Runtime, case: str) -> None:
    y, given = CASES[case]
    data, cells, found = trained(runtime, y, given)
    expected = found[:, 1:] if y in ("y", "k") else found
    np.testing.assert_allclose(scores(MojoFile.read(data), cells), expected, rtol=1e-9)


def test_columns_that_the_format_cannot_carry_are_refused_by_name(runtime: Runtime) -> None:
    client = Client.of(runtime)
    runtime.node.frames.from_columns("odd", {"#x": np.arange(30.0), " y": np.arange(30.0) ** 2})
    client.job(client.post("/3/ModelBuilders/glm", training_frame="odd", response_column=" y", model_id="odd_model"))
    told = client.get("/3/Models/odd_model/mojo", expect=400)["msg"]
    assert "'#x', ' y'" in told
    assert "Rename" in told


def test_models_without_a_codec_say_so_and_name_the_other_way(runtime: Runtime) -> None:
    client = Client.of(runtime)
    form = {"training_frame": "train", "response_column": "y", "model_id": "bayes"}
    assert client.job(client.post("/3/ModelBuilders/naivebayes", **form))["status"] == "DONE"
    assert not client.get("/3/Models/bayes")["models"][0]["have_mojo"]
    told = client.get("/3/Models/bayes/mojo", expect=412)["msg"]
    assert "no codec" in told
    assert "/99/Models.bin/bayes" in told
    client.get("/99/Models.mojo/bayes", expect=412, dir="x.zip")


def test_a_mojo_is_saved_into_a_file_once_or_by_force(runtime: Runtime, tmp_path: Path) -> None:
    trained(runtime, "z", {})
    client, path = Client.of(runtime), tmp_path / "m.zip"
    assert client.get("/99/Models.mojo/m", dir=str(path), force=False)["dir"] == str(path)
    assert MojoFile.read(path.read_bytes()).info["algo"] == "glm"
    assert "force" in client.get("/99/Models.mojo/m", expect=412, dir=str(path), force=False)["msg"]
    client.get("/99/Models.mojo/m", dir=str(path), force=True)


@pytest.mark.engine
@pytest.mark.skipif(not os.environ.get("H2OK_H2O_JAR"), reason="H2OK_H2O_JAR names no h2o.jar")
@pytest.mark.parametrize("case", CASES)
def test_h2os_library_scores_as_the_server_does(runtime: Runtime, case: str, tmp_path: Path) -> None:
    y, given = CASES[case]
    data, cells, found = trained(runtime, y, given)
    (tmp_path / "m.zip").write_bytes(data)
    rows = zip(*(cells[n] for n in NAMES), strict=True)
    with (tmp_path / "in.csv").open("w", newline="") as out:
        csv.writer(out, quoting=csv.QUOTE_ALL).writerows(
            [NAMES, *([("" if v != v else str(v)).replace("\\", "\\\\") for v in row] for row in rows)]
        )
    command = ["java", "-Dfile.encoding=UTF-8", "-cp", os.environ["H2OK_H2O_JAR"], "hex.genmodel.tools.PredictCsv", "--decimal"]
    command += ["--mojo", "m.zip", "--input", "in.csv", "--output", "out.csv"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    with (tmp_path / "out.csv").open(newline="") as made:
        answers = list(csv.DictReader(made))
    if y in ("y", "k"):
        domain = runtime.node.frames.get("train").vec(y).domain or ()
        assert [a["predict"] for a in answers] == [domain[int(v)] for v in found[:, 0]]
        np.testing.assert_allclose([[float(a[d]) for d in domain] for a in answers], found[:, 1:], rtol=1e-9)
    else:
        np.testing.assert_allclose([float(a["predict"]) for a in answers], found[:, 0], rtol=1e-9)
