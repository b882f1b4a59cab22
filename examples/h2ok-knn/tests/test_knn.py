"""What a user of any algorithm may rely on, and what is special about this one."""

import numpy as np
import pytest
from h2ok.capabilities.testing import AlgorithmContract, Client
from h2ok_knn.extension import extension


class TestKnn(AlgorithmContract):
    extension, algo = extension, "knn"
    parameters = {"k": 7}
    hyper_parameters = {"k": [3, 5], "kernel": ["uniform", "inverse"]}

    @pytest.mark.parametrize("kernel", ["uniform", "inverse"])
    def test_neighbours_are_those_of_a_naive_search(self, runtime, client: Client, kernel):
        rng = np.random.default_rng(1)
        x, y = rng.normal(size=(80, 2)), rng.normal(size=80)
        runtime.node.frames.from_columns("train", {"a": x[:, 0], "b": x[:, 1], "y": y}, chunk_rows=30)
        form = {"training_frame": "train", "response_column": "y", "model_id": "m", "k": 4, "kernel": kernel}
        assert client.job(client.post("/3/ModelBuilders/knn", **form))["status"] == "DONE"
        found = self.predict(runtime, client, "m", "train")[:, 0]
        scaled = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
        for i in range(80):
            d = np.sqrt(((scaled - scaled[i]) ** 2).sum(axis=1))
            near = np.argsort(d, kind="stable")[:4]
            w = np.ones(4) if kernel == "uniform" else 1 / np.maximum(d[near], 1e-6)
            assert found[i] == pytest.approx(np.average(y[near], weights=w), rel=1e-4)

    def test_values_out_of_range_are_refused(self, runtime, client: Client):
        runtime.node.frames.from_columns("train", {"a": np.arange(9.0), "y": np.arange(9.0)})
        client.post("/3/ModelBuilders/knn", expect=412, training_frame="train", response_column="y", k=0)
        client.post("/3/ModelBuilders/knn", expect=400, training_frame="train", response_column="y", kernel="cubic")
