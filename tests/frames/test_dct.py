"""DCTTransformer against the definition, and there and back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.ext.frames.dct import cosine_matrix


@pytest.fixture(scope="module")
def shared() -> Iterator[Runtime]:
    with local_runtime(only=("rest", "parsers", "frames")) as made:
        yield made


def naive(row: np.ndarray) -> np.ndarray:
    n = len(row)
    sums = [sum(v * np.cos(np.pi * (2 * i + 1) * k / (2 * n)) for i, v in enumerate(row)) for k in range(n)]
    return np.array(sums) * np.sqrt(np.where(np.arange(n) == 0, 1, 2) / n)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_matrix_is_the_definition(n: int) -> None:
    row = np.random.default_rng(n).normal(size=n)
    np.testing.assert_allclose(cosine_matrix(n) @ row, naive(row), atol=1e-12)
    np.testing.assert_allclose(cosine_matrix(n) @ cosine_matrix(n).T, np.eye(n), atol=1e-12)


def test_rows_there_and_back(shared: Runtime) -> None:
    web, node = Client.of(shared), shared.node
    x = np.random.default_rng(1).normal(size=(50, 24))
    node.frames.from_columns("x", {f"c{j}": x[:, j] for j in range(24)}, chunk_rows=20)
    assert web.job(web.post("/99/DCTTransformer", dataset="x", destination_frame="y", dimensions=[2, 3, 4]))["status"] == "DONE"
    want = np.einsum("ai,bj,ck,nijk->nabc", cosine_matrix(2), cosine_matrix(3), cosine_matrix(4), x.reshape(50, 2, 3, 4))
    np.testing.assert_allclose(node.frames.get("y").to_numpy(node), want.reshape(50, 24), atol=1e-12)
    web.job(web.post("/99/DCTTransformer", dataset="y", destination_frame="z", dimensions=[2, 3, 4], inverse=True))
    np.testing.assert_allclose(node.frames.get("z").to_numpy(node), x, atol=1e-12)
    assert "product of dimensions" in web.post("/99/DCTTransformer", expect=412, dataset="x", dimensions=[2, 3, 5])["msg"]
    web.delete("/3/DKV")
