"""What H2O-3 has and h2ok has not built is told apart from what nobody knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from h2ok.capabilities.surface import not_built, route_not_built
from h2ok.capabilities.testing import Client, local_runtime

LIST = "docs/compatibility.md lists what is built"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with local_runtime() as runtime:
        columns = {"x": [1.0, 2.0, 3.0, 4.0] * 20, "y": [0, 1, 0, 1] * 20}
        runtime.node.frames.from_columns("points", columns, domains={"y": ("a", "b")})
        yield Client.of(runtime)


@pytest.mark.parametrize(
    ("method", "path", "word"),
    [
        ("POST", "/99/AutoMLBuilder", "POST /99/AutoMLBuilder"),
        ("GET", "/99/AutoML/project@@y", "GET /99/AutoML/{automl_id}"),
        ("GET", "/99/Leaderboards/p", "GET /99/Leaderboards/{project_name}"),
        ("POST", "/3/FeatureInteraction", "POST /3/FeatureInteraction"),
        ("POST", "/3/ModelBuilders/deeplearning", "the algorithm 'deeplearning'"),
        ("POST", "/99/Grid/coxph", "the algorithm 'coxph'"),
        ("POST", "/3/SegmentModelsBuilders/gam", "the algorithm 'gam'"),
        ("GET", "/3/Metadata/schemas/AutoMLV99", "the schema 'AutoMLV99'"),
    ],
)
def test_what_is_not_built_says_so_and_where_the_list_is(client: Client, method: str, path: str, word: str) -> None:
    answer = client.request(method, path)
    assert answer.status == 404
    assert answer.json["__meta"]["schema_name"] == "H2OErrorV3"
    assert answer.json["exception_type"] == "water.exceptions.H2ONotFoundArgumentException"
    assert word in answer.json["msg"]
    assert "H2O-3 has" in answer.json["msg"]
    assert LIST in answer.json["msg"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/3/NoSuch"), ("POST", "/3/ModelBuilders/gmb"), ("GET", "/3/Metadata/schemas/NoSuchV3")]
)
def test_what_nobody_has_is_only_not_found(client: Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert answer.status == 404
    assert "H2O-3 has" not in answer.json["msg"]
    assert ("Nearest: " in answer.json["msg"] and "'gbm'" in answer.json["msg"].split("Installed")[0]) is path.endswith("gmb")


def test_predictions_of_another_kind_name_what_there_is(client: Client) -> None:
    form = {"training_frame": "points", "response_column": "y", "ntrees": 2, "min_rows": 1, "model_id": "trees"}
    assert client.job(client.post("/3/ModelBuilders/gbm", **form))["status"] == "DONE"
    client.job(client.post("/3/ModelBuilders/naivebayes", training_frame="points", response_column="y", model_id="bayes"))
    for model, available in (("trees", "predict_contributions"), ("bayes", "Available: none")):
        said = client.post(f"/3/Predictions/models/{model}/frames/points", expect=412, predict_staged_proba=True)["msg"]
        assert "predict_staged_proba is not available" in said
        assert available in said
        assert LIST in said


def test_metadata_of_an_algorithm_that_is_not_built_says_so(client: Client) -> None:
    """500 as H2O answers for unknown ones."""
    said = client.request("GET", "/3/ModelBuilders/rulefit")
    assert said.status == 500
    assert "H2O-3 has the algorithm 'rulefit'" in said.json["msg"]


def test_what_is_built_is_never_said_to_be_missing(client: Client) -> None:
    for route in client.get("/3/Metadata/endpoints")["routes"]:
        assert not route_not_built(route["http_method"], route["url_pattern"].replace("{", "").replace("}", ""))
    for algo in client.get("/3/ModelBuilders")["model_builders"]:
        assert not not_built("algorithm", algo)
    assert route_not_built("PUT", "/3/FeatureInteraction") == route_not_built("GET", "") == ""
