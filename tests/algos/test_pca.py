"""PCA and SVD against numpy, and what models and frames they leave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ModelBuilderError
from h2ok.capabilities.removal import remove_key
from h2ok.ext.algos.pca.kernels import project
from h2ok.ext.models.model import Model
from h2ok.ext.models.scoring import predict_frame
from h2ok.kernel.testing import local_cloud


def train(lab: Any, algo: str, x: tuple[str, ...] = ("x1", "x2", "z", "c"), **params: Any) -> Model:
    ignored = [n for n in lab.frame.names if n not in x]
    job = lab.node.jobs.wait(lab.builder(algo, training_frame="tr", ignored_columns=ignored, **params).start().key)
    assert job.status == "DONE", job.stacktrace
    model = lab.node.dkv.get(job.dest)
    assert isinstance(model, Model)
    return model


def numbers(lab: Any, *names: str) -> np.ndarray:
    return np.asarray(lab.frame.subframe(list(names)).to_numpy(lab.node))


def expanded(lab: Any, first: int) -> np.ndarray:
    """Levels of c from ``first`` on as 0/1 columns, then x1, x2, z; NaN where a value is missing."""
    c = numbers(lab, "c")
    dummies = np.where(np.isnan(c), np.nan, c == np.arange(first, 4))
    return np.column_stack([dummies, numbers(lab, "x1", "x2", "z")])


def transform(x: np.ndarray, how: str, n_cat: int) -> np.ndarray:
    out, n = x.copy(), x[:, n_cat:]
    mean, sd = np.nanmean(n, axis=0), np.nanstd(n, axis=0, ddof=1)
    spread = np.nanmax(n, axis=0) - np.nanmin(n, axis=0)
    out[:, n_cat:] = {
        "NONE": n, "DEMEAN": n - mean, "DESCALE": n / sd, "STANDARDIZE": (n - mean) / sd, "NORMALIZE": (n - mean) / spread,
    }[how]  # fmt: skip
    return out


def test_projection_equals_naive_product() -> None:
    rng = np.random.default_rng(0)
    codes, x, v = rng.integers(-1, 3, (20, 1)).astype(np.int32), rng.normal(size=(20, 2)), rng.normal(size=(5, 3))
    wide = np.column_stack([codes == np.arange(3), x])
    out = np.empty((20, 3))
    project(codes, x, v, 3, out)
    np.testing.assert_allclose(out, wide @ v)


@pytest.mark.parametrize("how", ["NONE", "STANDARDIZE", "NORMALIZE", "DEMEAN", "DESCALE"])
def test_components_are_singular_vectors(lab: Any, how: str) -> None:
    model = train(lab, "pca", k="4", transform=how)
    rows = transform(expanded(lab, 1), how, 3)
    whole = ~np.isnan(rows).any(axis=1)
    _, d, vt = np.linalg.svd(rows[whole], full_matrices=False)
    table = model.output.extra["importance"]
    got = np.array([list(r) for r in table.data[1:]]).T
    np.testing.assert_allclose(got[0], d[:4] / np.sqrt(whole.sum() - 1))
    np.testing.assert_allclose(got[1], d[:4] ** 2 / (d**2).sum())
    vectors = np.array(model.output.extra["eigenvectors"].data[1:]).T
    np.testing.assert_allclose(np.abs(vectors), np.abs(vt[:4].T), atol=1e-7)
    assert (vectors[np.abs(vectors).argmax(axis=0), range(4)] > 0).all()
    assert model.output.extra["eigenvectors"].data[0] == ["c.b", "c.cc", "c.d", "x1", "x2", "z"]
    frame, _ = predict_frame(lab.node, model, lab.frame, "p")
    assert frame.names == ("PC1", "PC2", "PC3", "PC4")
    found = np.asarray(frame.to_numpy(lab.node))
    np.testing.assert_allclose(found[whole], rows[whole] @ vectors, atol=1e-9)
    assert np.isnan(found[~whole]).all()


def test_imputed_rows_count(lab: Any) -> None:
    model = train(lab, "pca", ("x1", "x2"), k="2", transform="DEMEAN", impute_missing="true")
    x = numbers(lab, "x1", "x2")
    x = np.where(np.isnan(x), np.nanmean(x, axis=0), x)
    d = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    first = [c[0] for c in model.output.extra["importance"].data[1:]]
    np.testing.assert_allclose(first, d / np.sqrt(599))
    assert not np.isnan(predict_frame(lab.node, model, lab.frame, "p")[0].to_numpy(lab.node)).any()


def test_svd_stores_its_vectors(lab: Any) -> None:
    model = train(lab, "svd", ("x1", "z", "c"), nv="3", transform="STANDARDIZE", u_name="left")
    rows = transform(np.delete(expanded(lab, 0), 5, axis=1), "STANDARDIZE", 4)
    whole = ~np.isnan(rows).any(axis=1)
    u, d, vt = np.linalg.svd(rows[whole], full_matrices=False)
    np.testing.assert_allclose(model.output.extra["d"], d[:3])
    right = model.output.extra["v_key"]["name"]
    np.testing.assert_allclose(np.abs(lab.node.frames.get(right).to_numpy(lab.node)), np.abs(vt[:3].T), atol=1e-7)
    left = np.asarray(lab.node.frames.get("left").to_numpy(lab.node))
    np.testing.assert_allclose(np.abs(left[whole]), np.abs(u[:, :3]), atol=1e-7)
    remove_key(lab.runtime, model.key)
    assert lab.node.dkv.get("left") is None
    assert lab.node.dkv.get(right) is None


@pytest.mark.parametrize(
    ("algo", "params", "match"),
    [
        ("pca", {"k": "0"}, "k must be at least 1"),
        ("pca", {"k": "7"}, r"k must be in \[1, 6\]"),
        ("pca", {"pca_method": "GLRM"}, "GLRM with missing values"),
        ("svd", {"nv": "8"}, r"nv must be in \[1, 7\]"),
    ],
)
def test_wrong_parameters_are_refused(lab: Any, algo: str, params: dict[str, str], match: str) -> None:
    with pytest.raises(ModelBuilderError, match=match):
        train(lab, algo, **params)


def test_bits_do_not_depend_on_nodes_or_threads(lab_class: Any) -> None:
    found = []
    for n, threads in ((1, 1), (3, 2)):
        with local_cloud(n, nthreads=threads) as nodes:
            lab = lab_class(nodes)
            found.append(train(lab, "pca", k="3", transform="STANDARDIZE").state.vectors)
            lab.runtime.close()
    np.testing.assert_array_equal(found[0], found[1])
