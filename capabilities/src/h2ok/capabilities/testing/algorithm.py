"""AlgorithmContract: what a user of any algorithm may rely on. Works through REST alone, as users do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from h2ok.capabilities.testing.client import Client
from h2ok.capabilities.testing.contract import Contract
from h2ok.capabilities.testing.mojo import MojoFile
from h2ok.capabilities.testing.samples import RESPONSES, put_sample, training_form
from h2ok.kernel import Frame

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime
    from numpy.typing import NDArray

__all__ = ["AlgorithmContract"]

_SUPERVISED = tuple(RESPONSES)


class AlgorithmContract(Contract):
    """Inherit, name ``algo``, and give parameters that make it quick.

    Attributes
    ----------
    algo : the algorithm's name in URLs.
    parameters : sent with every training.
    hyper_parameters : values of one or two gridable parameters for the grid check.
    chunk_tolerance : largest difference of predictions when the same rows lie in other chunks.
    weight_tolerance : largest difference between a weight of k and k equal rows.
    """

    algo: ClassVar[str]
    parameters: ClassVar[Mapping[str, Any]] = {}
    hyper_parameters: ClassVar[Mapping[str, Sequence[Any]]] = {}
    chunk_tolerance: ClassVar[float] = 1e-6
    weight_tolerance: ClassVar[float] = 1e-6

    # -- tools --------------------------------------------------------------------------------------------------------

    def described(self, client: Client) -> dict[str, Any]:
        """The algorithm's own metadata."""
        found: dict[str, Any] = client.get(f"/3/ModelBuilders/{self.algo}")["model_builders"][self.algo]
        return found

    def categories(self, client: Client) -> list[str]:
        """What it builds."""
        return list(self.described(client)["can_build"])

    def category(self, client: Client) -> str:
        """The first supervised category, or the only one."""
        built = self.categories(client)
        return next((c for c in _SUPERVISED if c in built), built[0])

    def form(self, client: Client, category: str, key: str, frame: str, **more: Any) -> dict[str, Any]:
        """Parameters of a training."""
        return training_form(self.described(client), category, key, frame, **{**self.parameters, **more})

    def start(self, client: Client, category: str, key: str = "m", frame: str = "sample", **more: Any) -> Any:
        """The last state of a training job."""
        answer = client.post(f"/3/ModelBuilders/{self.algo}", **self.form(client, category, key, frame, **more))
        return client.job(answer)

    def train(self, client: Client, category: str, key: str = "m", frame: str = "sample", **more: Any) -> dict[str, Any]:
        """The JSON of a trained model."""
        job = self.start(client, category, key, frame, **more)
        assert job["status"] == "DONE", f"{category}: {job.get('exception')}\n{job.get('stacktrace')}"
        found: dict[str, Any] = client.get(f"/3/Models/{key}")["models"][0]
        return found

    def predict(self, runtime: Runtime, client: Client, key: str = "m", frame: str = "sample") -> NDArray[np.float64]:
        """Predictions as float64[n_rows, k]; labels as their codes."""
        answer = client.post(f"/4/Predictions/models/{key}/frames/{frame}", predictions_frame=f"predictions_{key}")
        job = client.job(answer)
        assert job["status"] == "DONE", job.get("exception")
        return np.asarray(runtime.node.frames.get(f"predictions_{key}").to_numpy(runtime.node), dtype=np.float64)

    # -- metadata -----------------------------------------------------------------------------------------------------

    def test_it_is_listed_with_help_for_every_parameter(self, client: Client) -> None:
        """Clients, Flow and the generated estimator are made from this."""
        found = self.described(client)
        assert found["algo_full_name"]
        assert self.categories(client)
        for p in found["parameters"]:
            assert p["help"], f"Parameter '{p['name']}' has no help."
            assert p["type"] != "enum" or p["default_value"] in (None, *p["values"])
        assert self.algo in client.get("/3/ModelBuilders")["model_builders"]

    def test_unknown_parameters_and_values_of_a_wrong_type_are_refused(self, runtime: Runtime, client: Client) -> None:
        """Nothing a user sends is ignored."""
        put_sample(runtime.node)
        category = self.category(client)
        client.post(f"/3/ModelBuilders/{self.algo}", expect=412, **self.form(client, category, "m", "sample", no_such_thing=1))
        numbers = [p["name"] for p in self.described(client)["parameters"] if p["type"] in ("int", "long", "double", "float")]
        for name in numbers:
            form = self.form(client, category, "m", "sample", **{name: "many"})
            answer = client.request("POST", f"/3/ModelBuilders/{self.algo}", data=_encoded(form), content_type=_FORM)
            assert 400 <= answer.status < 500, f"{name}=many was answered with {answer.status}"

    # -- training and scoring -----------------------------------------------------------------------------------------

    def test_every_category_trains_measures_and_predicts(self, runtime: Runtime, client: Client) -> None:
        """Metrics are finite; probabilities lie in [0, 1] and sum to 1; each row has an answer."""
        put_sample(runtime.node)
        for category in self.categories(client):
            model = self.train(client, category, key=f"m_{category}")
            assert model["algo"] == self.algo
            if category not in _SUPERVISED:
                continue
            assert model["output"]["model_category"] == category
            assert np.isfinite(float(model["output"]["training_metrics"]["MSE"]))
            found = self.predict(runtime, client, f"m_{category}")
            assert np.isfinite(found).all()
            if category != "Regression":
                p = found[:, 1:]
                assert ((p >= 0) & (p <= 1)).all()
                np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-9)

    def test_the_same_seed_gives_the_same_bits(self, runtime: Runtime, client: Client) -> None:
        """Twice trained is equally trained."""
        put_sample(runtime.node)
        category = self.category(client)
        found = []
        for key in ("a", "b"):
            self.train(client, category, key=key)
            found.append(self.predict(runtime, client, key))
        np.testing.assert_array_equal(found[0], found[1])

    def test_three_nodes_give_the_same_bits_as_one(self, runtime: Runtime, client: Client, cloud3: list[Runtime]) -> None:
        """What a model says does not depend on the size of the cloud."""
        put_sample(runtime.node)
        put_sample(cloud3[0].node)
        category = self.category(client)
        self.train(client, category)
        many = Client.of(cloud3[0])
        self.train(many, category)
        np.testing.assert_array_equal(self.predict(runtime, client), self.predict(cloud3[0], many))

    def test_chunks_make_no_difference(self, runtime: Runtime, client: Client) -> None:
        """The same rows in one chunk and in many."""
        put_sample(runtime.node, "many", chunk_rows=40)
        put_sample(runtime.node, "one", chunk_rows=10_000)
        category = self.category(client)
        found = []
        for frame in ("many", "one"):
            self.train(client, category, key=f"m_{frame}", frame=frame)
            found.append(self.predict(runtime, client, f"m_{frame}", "one"))
        np.testing.assert_allclose(found[0], found[1], atol=self.chunk_tolerance)

    def test_missing_values_and_unseen_levels_are_scored(self, runtime: Runtime, client: Client) -> None:
        """Rows with holes, levels the model never saw, and absent columns get an answer too."""
        put_sample(runtime.node)
        put_sample(runtime.node, "holes", n=60, missing=True)
        runtime.node.frames.from_columns("bare", {"x1": np.linspace(-1, 1, 20)})
        category = self.category(client)
        self.train(client, category)
        for frame, n in (("holes", 60), ("bare", 20)):
            found = self.predict(runtime, client, frame=frame)
            assert found.shape[0] == n
            assert category not in _SUPERVISED or np.isfinite(found).all()

    def test_texts_stand_for_levels_and_numbers_do_not(self, runtime: Runtime, client: Client) -> None:
        """A few rows of texts score as the same rows of levels do; numbers are refused in H2O's words, in validation too."""
        put_sample(runtime.node)
        columns: dict[str, Any] = {"x1": [0.5, -1.0, 1.0, 0.0], "x2": [0.1, 0.2, 0.3, 0.4], "x3": [1.0, 0.0, -1.0, 0.5]}
        texts, codes = ["a", "zz", "cc", None], np.array([0, 2, 1, -1], dtype=np.int32)
        frames = runtime.node.frames
        frames.from_columns("texts", {**columns, "c": texts}, types={"c": "string"}, chunk_rows=2)
        frames.from_columns("levels", {**columns, "c": codes}, domains={"c": ("a", "cc", "zz")}, chunk_rows=2)
        frames.from_columns("numbers", {**columns, "c": [0.0, 1.0, 2.0, 1.0], **dict.fromkeys(RESPONSES.values(), [0.0] * 4)})
        category = self.category(client)
        self.train(client, category)
        found = self.predict(runtime, client, frame="levels")
        np.testing.assert_array_equal(self.predict(runtime, client, frame="texts"), found)
        words = "column 'c' has levels not trained on: [\"zz\"]"
        for frame in ("levels", "texts"):
            job = client.job(client.post(f"/4/Predictions/models/m/frames/{frame}"))
            assert any(words in w for w in job["warnings"]), frame
        words = "Test/Validation dataset has a non-categorical column 'c' which is categorical in the training data"
        job = client.job(client.post("/4/Predictions/models/m/frames/numbers"))
        assert job["status"] == "FAILED"
        assert words in job["exception"]
        assert words in client.post("/3/Predictions/models/m/frames/numbers", expect=400)["msg"]
        form = self.form(client, category, "m2", "sample", validation_frame="numbers")
        answer = client.request("POST", f"/3/ModelBuilders/{self.algo}", data=_encoded(form), content_type=_FORM)
        assert answer.status == 412
        assert "field: _validation_frame: Test/Validation dataset has a non-categorical column" in answer.json["msg"]

    def test_trains_on_missing_values(self, runtime: Runtime, client: Client) -> None:
        """Holes in the training rows are dealt with."""
        put_sample(runtime.node, missing=True)
        self.train(client, self.category(client))

    def test_a_weight_counts_as_repeated_rows(self, runtime: Runtime, client: Client) -> None:
        """Weight k is the same as k equal rows, weight 0 the same as none."""
        category = self.category(client)
        if "weights_column" not in {p["name"] for p in self.described(client)["parameters"]}:
            pytest.skip("the algorithm takes no weights")
        put_sample(runtime.node, "weighted", weights=True)
        put_sample(runtime.node, "repeated", weights=True, repeat=True)
        self.train(client, category, key="weighted_model", frame="weighted", weights_column="w")
        self.train(client, category, key="repeated_model", frame="repeated")
        weighted = self.predict(runtime, client, "weighted_model", "weighted")
        repeated = self.predict(runtime, client, "repeated_model", "weighted")
        np.testing.assert_allclose(weighted, repeated, atol=self.weight_tolerance)

    def test_an_offset_is_used_or_refused_by_name(self, runtime: Runtime, client: Client) -> None:
        """Where the parameter is offered, predictions follow the offset of each row, and a frame without it is refused."""
        if "offset_column" not in {p["name"] for p in self.described(client)["parameters"]}:
            pytest.skip("the algorithm takes no offset")
        category = next((c for c in ("Regression", "Binomial") if c in self.categories(client)), None)
        if category is None:
            pytest.skip("offsets are for numbers and two classes")
        frames = runtime.node.frames
        sample = put_sample(runtime.node)
        zeros = frames.vec_with_espc(np.zeros(sample.n_rows), sample.espc)
        ones = frames.vec_with_espc(np.ones(sample.n_rows), sample.espc)
        for key, vec in (("zero", zeros), ("one", ones)):
            frames.put(Frame(key, (*sample.names, "o"), (*sample.vecs, vec)))
        form = self.form(client, category, "m", "zero", offset_column="o")
        answer = client.request("POST", f"/3/ModelBuilders/{self.algo}", data=_encoded(form), content_type=_FORM)
        if answer.status == 412:
            assert "offset_column" in answer.json["msg"]
            return
        assert client.job(answer.json)["status"] == "DONE"
        found = [self.predict(runtime, client, frame=frame)[:, -1] for frame in ("zero", "one")]
        assert (found[1] > found[0]).all()
        job = client.job(client.post("/4/Predictions/models/m/frames/sample"))
        assert job["status"] == "FAILED"
        assert "missing offset column 'o'" in job["exception"]

    def test_extreme_frames_are_trained_or_refused_in_words(self, runtime: Runtime, client: Client) -> None:
        """One row; constant columns; a constant response: never a crash that only a programmer understands."""
        put_sample(runtime.node, "single", n=1)
        put_sample(runtime.node, "constant", constant=True)
        category = self.category(client)
        for frame in ("single", "constant"):
            form = self.form(client, category, f"m_{frame}", frame)
            answer = client.request("POST", f"/3/ModelBuilders/{self.algo}", data=_encoded(form), content_type=_FORM)
            assert answer.status in (200, 400, 412), answer.text
            if answer.status != 200:
                continue
            job = client.job(answer.json)
            told = str(job.get("exception") or "")
            raw = ("IndexError", "KeyError", "TypeError", "AttributeError", "ZeroDivisionError", "LinAlgError")
            assert job["status"] == "DONE" or not any(name in told for name in raw), f"{frame}: {told}"

    # -- what the framework brings ------------------------------------------------------------------------------------

    def test_cross_validation(self, runtime: Runtime, client: Client) -> None:
        """Metrics of held-out rows."""
        if self.category(client) not in _SUPERVISED:
            pytest.skip("nothing to compare held-out predictions with")
        put_sample(runtime.node)
        model = self.train(client, self.category(client), nfolds=3)
        assert np.isfinite(float(model["output"]["cross_validation_metrics"]["MSE"]))

    def test_a_fold_may_leave_a_constant_response(self, runtime: Runtime, client: Client) -> None:
        """All rows outside a fold have the same response, as happens where it is mostly zero."""
        if "Regression" not in self.categories(client):
            pytest.skip("the algorithm does not predict numbers")
        n = 60
        x, fold = np.random.default_rng(2).normal(size=(2, n)), np.arange(n) % 2
        columns = {"x1": x[0], "x2": x[1], "fold": fold, "z": np.where(fold == 1, 5.0, 6.0 + np.arange(n))}
        runtime.node.frames.from_columns("half", columns)
        model = self.train(client, "Regression", frame="half", fold_column="fold", ignored_columns=[])
        assert np.isfinite(float(model["output"]["cross_validation_metrics"]["MSE"]))

    def test_grid(self, runtime: Runtime, client: Client) -> None:
        """One model a combination."""
        if not self.hyper_parameters:
            pytest.skip("give hyper_parameters: values of a gridable parameter")
        put_sample(runtime.node)
        gridable = {p["name"] for p in self.described(client)["parameters"] if p["gridable"]}
        assert set(self.hyper_parameters) <= gridable
        form = self.form(client, self.category(client), "m", "sample")
        del form["model_id"]
        for name in self.hyper_parameters:
            form.pop(name, None)
        hyper = {k: list(v) for k, v in self.hyper_parameters.items()}
        job = client.job(client.post(f"/99/Grid/{self.algo}", grid_id="g", hyper_parameters=hyper, **form))
        assert job["status"] == "DONE", job.get("exception")
        found = client.get("/99/Grids/g")
        expected = int(np.prod([len(v) for v in hyper.values()]))
        assert len(found["model_ids"]) == expected, found["failure_details"]

    def test_a_saved_model_says_the_same_after_loading(self, runtime: Runtime, client: Client, tmp_path: Path) -> None:
        """Through a file, as across a restart."""
        put_sample(runtime.node)
        self.train(client, self.category(client))
        before = self.predict(runtime, client)
        path = str(tmp_path / "model.bin")
        client.get("/99/Models.bin/m", dir=path)
        client.delete("/3/Models/m")
        client.post("/99/Models.bin/", dir=path)
        np.testing.assert_array_equal(self.predict(runtime, client), before)

    def test_a_mojo_says_what_the_model_knows(self, runtime: Runtime, client: Client) -> None:
        """Columns, levels and category are the model's, in the types H2O's scoring library expects; or there is none, in words."""
        put_sample(runtime.node)
        written = 0
        for category in self.categories(client):
            model = self.train(client, category, key=f"m_{category}")
            answer = client.request("GET", f"/3/Models/m_{category}/mojo")
            if not model["have_mojo"]:
                assert answer.status == 412
                assert "no codec" in answer.json["msg"]
                continue
            written += 1
            assert answer.status == 200, answer.text
            mojo, output = MojoFile.read(answer.body), model["output"]
            assert mojo.info["category"] == output["model_category"]
            assert sorted(mojo.columns) == sorted(output["names"])
            assert mojo.columns[-1] == output["names"][-1]
            assert mojo.domains == {n: d for n, d in zip(output["names"], output["domains"], strict=True) if d is not None}
            assert client.request("GET", f"/3/Models/m_{category}/mojo").body == answer.body, "the same model gives the same bytes"
        if not written:
            pytest.skip("the algorithm has no codec for MOJOs")

    def test_partial_dependence(self, runtime: Runtime, client: Client) -> None:
        """Follows from predictions alone."""
        category = self.category(client)
        if category not in ("Binomial", "Regression"):
            pytest.skip("partial dependence is of probabilities and numbers")
        put_sample(runtime.node)
        self.train(client, category)
        answer = client.post("/3/PartialDependence/", model_id="m", frame_id="sample", cols=["x1"], nbins=4, destination_key="pdp")
        assert client.job(answer)["status"] == "DONE"
        table = client.get("/3/PartialDependence/pdp")["partial_dependence_data"][0]
        assert np.isfinite(np.array(table["data"][1], dtype=float)).all()

    def test_permutation_importance(self, runtime: Runtime, client: Client) -> None:
        """Follows from predictions alone; the columns that matter come first."""
        category = self.category(client)
        if category not in _SUPERVISED:
            pytest.skip("importance is measured against a response")
        if not runtime.registry.primitives_for("PermutationVarImp"):
            pytest.skip("the rapids extension is not installed")
        put_sample(runtime.node)
        self.train(client, category)
        client.post("/99/Rapids", ast='(assign importance (PermutationVarImp "m" sample "AUTO" -1 1 [] 3))')
        frame = runtime.node.frames.get("importance")
        assert set(frame.vecs[0].to_strings(runtime.node)) == {"x1", "x2", "x3", "c"}
        assert np.isfinite(frame.vecs[1].to_numpy(runtime.node)).all()

    def test_cancelling_ends_the_job(self, runtime: Runtime, client: Client) -> None:
        """Cancelled, or done before the request arrived; never running on."""
        put_sample(runtime.node)
        answer = client.post(f"/3/ModelBuilders/{self.algo}", **self.form(client, self.category(client), "m", "sample"))
        client.post(f"/3/Jobs/{answer['job']['key']['name']}/cancel")
        assert client.job(answer, timeout=10)["status"] in ("CANCELLED", "DONE")

    def test_nothing_is_left_behind(self, runtime: Runtime, client: Client) -> None:
        """A deleted model takes all its keys with it."""
        put_sample(runtime.node)
        before = set(runtime.node.dkv.keys())
        category = self.category(client)
        folds: dict[str, Any] = {"nfolds": 2} if category in _SUPERVISED else {}
        self.train(client, category, **folds)
        client.delete("/3/Models/m")
        left = {k for k in runtime.node.dkv.keys() if k not in before and not k.startswith("$")}  # noqa: SIM118 - no dict
        # Metrics outlive their model, as in H2O; jobs are history.
        left = {k for k in left if "metrics" not in k.lower()}
        assert not left, f"left in the store: {sorted(left)[:10]}"


_FORM = "application/x-www-form-urlencoded"


def _encoded(form: Mapping[str, Any]) -> bytes:
    from urllib.parse import urlencode

    from h2ok.capabilities.testing.client import form_text

    return urlencode({k: form_text(v) for k, v in form.items()}).encode()
