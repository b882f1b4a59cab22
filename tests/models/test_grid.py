"""Grid search: strategies, order, failures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.removal import remove_key
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.ext.models import routes_grid
from h2ok.ext.models.grid import GridSearch, SearchCriteria, combinations
from h2ok.ext.models.lenient_json import parse_lenient
from h2ok.ext.models.metrics.measures import MEASURES, measure
from h2ok.kernel import IllegalArgumentError, Node
from hypothesis import given, settings
from hypothesis import strategies as st

HYPER = {"b": [1, 2, 3], "a": ["x", "y"]}


def test_words_need_no_quotes() -> None:
    assert parse_lenient('{"strategy": RandomDiscrete,"max_models": 3, "x": [0.1, [a, null]], "q": "a \\"b\\"", "t": true}') == {
        "strategy": "RandomDiscrete", "max_models": 3, "x": [0.1, ["a", None]], "q": 'a "b"', "t": True,
    }  # fmt: skip
    for bad in ("{", "[1", '{"a" 1}', "1]"):
        with pytest.raises(IllegalArgumentError):
            parse_lenient(bad)


def test_ids_with_slashes_are_refused(lab: Any) -> None:
    cls = type(lab.builder("gbm"))
    base = {"training_frame": "tr", "response_column": "y"}
    with pytest.raises(IllegalArgumentError, match="grid_id 'a/b' holds a slash"):
        GridSearch(lab.runtime, cls, base, {"max_depth": [2]}, SearchCriteria(), grid_id="a/b")


def test_strategies() -> None:
    cartesian = list(combinations(HYPER, SearchCriteria()))
    assert len(cartesian) == 6
    assert cartesian[0] == {"a": "x", "b": 1}
    random = list(combinations(HYPER, SearchCriteria("RandomDiscrete", seed=4)))
    assert random != cartesian
    assert sorted(map(str, random)) == sorted(map(str, ({"a": p["a"], "b": p["b"]} for p in cartesian)))
    assert random == list(combinations(HYPER, SearchCriteria("RandomDiscrete", seed=4)))
    assert list(combinations({"a": [1, 2], "b": [3, 4]}, SearchCriteria("Sequential"))) == [{"a": 1, "b": 3}, {"a": 2, "b": 4}]
    with pytest.raises(IllegalArgumentError):
        SearchCriteria.of({"strategy": "nosuch"})


def run(lab: Any, **more: str) -> Any:
    fields = {"training_frame": "tr", "response_column": "y", "ntrees": "2", "seed": "1", "grid_id": "g", **more}
    out = lab.call(routes_grid.search, {"algo": "gbm"}, **fields)
    job = lab.node.jobs.wait(out["job"]["key"]["name"])
    assert job.status == "DONE", job.stacktrace
    return out


def test_models_come_best_first(lab: Any) -> None:
    run(lab, hyper_parameters='{"max_depth": [1,3],"learn_rate": [0.1,0.3]}')
    grid = lab.call(routes_grid.get_grid, {"grid_id": "g"})
    json.dumps(grid, allow_nan=False)
    assert grid["hyper_names"] == ["learn_rate", "max_depth"]
    loss = grid["summary_table"]["data"][-1]
    assert loss == sorted(loss)
    assert len(grid["model_ids"]) == 4
    by_auc = lab.call(routes_grid.get_grid, {"grid_id": "g"}, sort_by="auc", decreasing="True")
    auc = by_auc["summary_table"]["data"][-1]
    assert auc == sorted(auc, reverse=True)
    run(lab, hyper_parameters='{"max_depth": [1,3],"learn_rate": [0.1,0.5]}')
    assert len(lab.call(routes_grid.get_grid, {"grid_id": "g"})["model_ids"]) == 6
    remove_key(lab.runtime, "g")
    assert [k for k in lab.node.dkv.keys() if k != "tr" and not k.startswith("$job")] == []  # noqa: SIM118 - no dict


@pytest.mark.parametrize("y", ["y", "k", "z"])
def test_every_measure_sorts_or_has_no_value(lab: Any, y: str) -> None:
    model = lab.train("gbm", y, ntrees=3, seed=1)
    found = {name: measure(model.output.training_metrics, name) for name in MEASURES}
    assert measure(None, "f1") != measure(None, "f1")
    known = {n for n, v in found.items() if v == v}
    common = {"logloss", "mse", "r2", "err", "err_count", "accuracy", "mean_per_class_accuracy", "max_per_class_error"}
    wanted = {"y": {*common, "auc", "f1", "f2", "mcc", "lift_top_group"}, "k": common, "z": {"mse", "mae", "r2", "deviance"}}[y]
    assert wanted <= known
    if y != "z":
        assert found["err_count"] == pytest.approx(found["err"] * found["total_rows"])
        assert found["mean_per_class_accuracy"] <= found["accuracy"] + 0.5
        assert 0 <= found["max_per_class_error"] <= 1


def test_limits_and_failures(lab: Any) -> None:
    run(lab, hyper_parameters='{"max_depth": [1,2,3],"ntrees": [1,-5]}', search_criteria='{"strategy": RandomDiscrete, "seed": 2}')
    grid = lab.call(routes_grid.list_grids)["grids"][0]
    assert len(grid["model_ids"]) == 3
    assert len(grid["failure_details"]) == 3
    assert "ntrees" in grid["failure_details"][0]
    criteria = '{"strategy": RandomDiscrete, "seed": 2, "max_models": 3}'
    run(lab, grid_id="h", hyper_parameters='{"max_depth": [1,2,3],"ntrees": [1,-5,-6,-7]}', search_criteria=criteria)
    assert len(lab.call(routes_grid.get_grid, {"grid_id": "h"})["model_ids"]) == 3
    for hyper in ('{"nosuch": [1]}', '{"model_id": [1]}', '{"max_depth": []}'):
        with pytest.raises(IllegalArgumentError):
            lab.call(routes_grid.search, {"algo": "gbm"}, training_frame="tr", hyper_parameters=hyper)
    with pytest.raises(IllegalArgumentError, match=r"'max_dept' is no hyper parameter of gbm\. Nearest: 'max_depth'"):
        lab.call(routes_grid.search, {"algo": "gbm"}, training_frame="tr", hyper_parameters='{"max_dept": [1]}')


def test_a_search_goes_on_where_it_ended(tmp_path: Path) -> None:
    with local_runtime() as runtime:
        client = Client.of(runtime)
        make_rows(runtime.node)
        form = {
            "training_frame": "tr", "response_column": "y", "ntrees": 2, "seed": 1, "grid_id": "g", "nfolds": 2,
            "hyper_parameters": '{"max_depth": [1,2,3]}', "search_criteria": '{"strategy": "Cartesian", "max_models": 2}',
        }  # fmt: skip
        client.job(client.post("/99/Grid/gbm", **form, export_checkpoints_dir=str(tmp_path)))
        # As H2O has it: the grid, and each model with its folds.
        assert len(list(tmp_path.iterdir())) == 1 + 2 * (1 + 2)
        client.delete("/3/DKV/g")
        client.post("/3/Grid.bin/import", grid_path=str(tmp_path / "g"))
        dkv = runtime.node.dkv
        grid = dkv.require("g")
        assert len(grid.models) == 2
        dkv.put("g", replace(grid, criteria={**grid.criteria, "max_models": 0}))
        assert client.job(client.post("/99/Grid/gbm/resume", grid_id="g"))["status"] == "DONE"
        grown = dkv.require("g")
        assert grown.models[:2] == grid.models
        assert sorted(v[0] for v in grown.values) == [1, 2, 3]


def make_rows(node: Node) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=200)
    node.frames.from_columns("tr", {"x": x, "y": x * x + rng.normal(size=200)}, chunk_rows=50)


def test_what_cannot_go_on_is_refused(lab: Any) -> None:
    run(lab, hyper_parameters='{"max_depth": [1]}')
    with pytest.raises(IllegalArgumentError, match="is a grid of gbm models"):
        lab.call(routes_grid.resume, {"algo": "glm"}, grid_id="g")
    with pytest.raises(IllegalArgumentError, match="grid_id"):
        lab.call(routes_grid.resume, {"algo": "gbm"})
    lab.node.dkv.put("g", replace(lab.node.dkv.require("g"), hyper={}))
    with pytest.raises(IllegalArgumentError, match="does not know its search"):
        lab.call(routes_grid.resume, {"algo": "gbm"}, grid_id="g")


def test_a_seeded_random_search_seeds_its_models(lab: Any) -> None:
    seeds = []
    for _ in range(2):
        criteria = '{"strategy": RandomDiscrete,"seed": 77,"max_models": 2}'
        run(lab, seed="-1", hyper_parameters='{"max_depth": [2,3,4]}', search_criteria=criteria)
        models = [lab.node.dkv.require(k) for k in sorted(lab.node.dkv.require("g").models)]
        seeds.append([m.parameters["seed"] for m in models])
        remove_key(lab.runtime, "g")
    assert seeds[0] == seeds[1] == [77, 78]


@pytest.mark.parametrize(
    ("field", "text", "why"),
    [
        ("hyper_parameters", '{"max_depth": range(2, 4)}', "quotes"),
        ("hyper_parameters", '{"max_depth": [1, 2}', "expected"),
        ("search_criteria", '{"strategy": "RandomDiscrete", "max_models": [1, 3]}', "max_models must be a whole number"),
    ],
)
def test_unreadable_dictionaries_are_named(lab: Any, field: str, text: str, why: str) -> None:
    given = {"hyper_parameters": '{"max_depth": [1]}', field: text}
    with pytest.raises(IllegalArgumentError, match=f"Can't parse the {field} dictionary.*{why}"):
        lab.call(routes_grid.search, {"algo": "gbm"}, training_frame="tr", response_column="y", **given)


@settings(max_examples=300, deadline=2000)
@given(st.text(alphabet='{}[],:"ab1 \\', max_size=30))
def test_any_text_is_a_value_or_an_error(text: str) -> None:
    try:
        parse_lenient(text)
    except IllegalArgumentError:
        return


def test_nesting_is_bounded() -> None:
    with pytest.raises(IllegalArgumentError, match="deeper"):
        parse_lenient("[" * 5000)


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_search_that_brings_nothing_stops_after_the_first_model_and_two_windows(lab: Any, rounds: int) -> None:
    """H2O-3 builds 3 models with stopping_rounds 1, 5 with 2, 7 with 3."""
    criteria = {"strategy": "RandomDiscrete", "seed": 1, "stopping_rounds": rounds, "stopping_tolerance": 0.9}
    run(lab, hyper_parameters='{"max_depth": [1,2,3],"learn_rate": [0.1,0.2,0.3]}', search_criteria=json.dumps(criteria))
    assert len(lab.call(routes_grid.get_grid, {"grid_id": "g"})["model_ids"]) == 2 * rounds + 1


def test_a_second_search_forgets_the_failures_of_the_first(lab: Any) -> None:
    run(lab, hyper_parameters='{"learn_rate": [5.0, 0.1]}')
    grid = lab.call(routes_grid.get_grid, {"grid_id": "g"})
    assert (len(grid["failure_details"]), grid["failed_raw_params"]) == (1, [["5.0"]])
    (failed,) = grid["failed_params"]
    assert {n: failed[n] for n in grid["hyper_names"]} == dict.fromkeys(grid["hyper_names"], 5.0)
    assert failed["__meta"]["schema_name"].endswith("ParametersV3")
    assert failed["training_frame"]["type"] == "Key<Frame>"
    run(lab, hyper_parameters='{"learn_rate": [0.2]}')
    grid = lab.call(routes_grid.get_grid, {"grid_id": "g"})
    assert grid["failure_details"] == grid["failure_stack_traces"] == grid["failed_params"] == []
    assert len({m["name"] for m in grid["model_ids"]}) == 2
    for _ in range(2):
        run(lab, hyper_parameters='{"learn_rate": [5.0, 6.0, 0.3]}')
        grid = lab.call(routes_grid.get_grid, {"grid_id": "g"})
        assert grid["failed_raw_params"] == [["5.0"], ["6.0"]]
        assert len(grid["model_ids"]) == 3


@pytest.mark.parametrize(
    ("y", "has", "lacks"),
    [
        (
            "z",
            ("mae", "r2", "residual_deviance", "mean_residual_deviance"),
            ("logloss", "auc", "err", "total_rows", "totss"),
        ),
        ("y", ("logloss", "f1"), ("mae", "rmsle", "residual_deviance", "nosuch", "totss")),
        ("k", ("mean_per_class_accuracy",), ("mae", "f1", "mcc", "lift_top_group", "residual_deviance")),
    ],
)
def test_grids_are_sorted_by_measures_their_models_have(lab: Any, y: str, has: tuple[str, ...], lacks: tuple[str, ...]) -> None:
    run(lab, hyper_parameters='{"max_depth": [1, 3]}', response_column=y, ignored_columns='["cnt"]')
    for name in lacks:
        words = rf"Invalid argument for sort_by specified: '{name}'.*\b{has[0]}\b"
        with pytest.raises(IllegalArgumentError, match=words):
            lab.call(routes_grid.get_grid, {"grid_id": "g"}, sort_by=name)
    for name in has:
        values = lab.call(routes_grid.get_grid, {"grid_id": "g"}, sort_by=name.upper())["summary_table"]["data"][-1]
        assert np.isfinite(values).all()


def test_grids_without_a_response_have_their_own_measures(lab: Any) -> None:
    fields = {"training_frame": "tr", "seed": "1", "grid_id": "g", "hyper_parameters": '{"k": [2, 3]}'}
    out = lab.call(routes_grid.search, {"algo": "kmeans"}, **fields)
    assert lab.node.jobs.wait(out["job"]["key"]["name"]).status == "DONE"
    grid = lab.call(routes_grid.get_grid, {"grid_id": "g"})
    assert (grid["sort_by"], grid["decreasing"]) == (None, False)
    assert [c["name"] for c in grid["summary_table"]["columns"]] == ["", "k", "model_ids"]
    best = lab.call(routes_grid.get_grid, {"grid_id": "g"}, sort_by="tot_withinss")["summary_table"]["data"]
    assert best[-1] == sorted(best[-1])
    with pytest.raises(IllegalArgumentError, match=r"one of: \[mse, rmse, tot_withinss, totss, betweenss\]"):
        lab.call(routes_grid.get_grid, {"grid_id": "g"}, sort_by="logloss")
