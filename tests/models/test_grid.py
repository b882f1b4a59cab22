"""Grid search: strategies, order, failures."""

from __future__ import annotations

import json
from typing import Any

import pytest
from h2ok.capabilities.removal import remove_key
from h2ok.ext.models import routes_grid
from h2ok.ext.models.grid import SearchCriteria, combinations, parse_lenient
from h2ok.kernel import IllegalArgumentError

HYPER = {"b": [1, 2, 3], "a": ["x", "y"]}


def test_words_need_no_quotes() -> None:
    assert parse_lenient('{"strategy": RandomDiscrete,"max_models": 3, "x": [0.1, [a, null]], "q": "a \\"b\\"", "t": true}') == {
        "strategy": "RandomDiscrete", "max_models": 3, "x": [0.1, ["a", None]], "q": 'a "b"', "t": True,
    }  # fmt: skip
    for bad in ("{", "[1", '{"a" 1}', "1]"):
        with pytest.raises(IllegalArgumentError):
            parse_lenient(bad)


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
    assert [k for k in lab.node.dkv.keys() if k != "tr" and not k.startswith("$job")] == []  # noqa: SIM118


def test_limits_and_failures(lab: Any) -> None:
    run(lab, hyper_parameters='{"max_depth": [1,2,3],"ntrees": [1,-5]}', search_criteria='{"strategy": RandomDiscrete, "seed": 2}')
    grid = lab.call(routes_grid.list_grids)["grids"][0]
    assert len(grid["model_ids"]) == 3
    assert len(grid["failure_details"]) == 3
    assert "ntrees" in grid["failure_details"][0]
    for hyper in ('{"nosuch": [1]}', '{"model_id": [1]}', '{"max_depth": []}'):
        with pytest.raises(IllegalArgumentError):
            lab.call(routes_grid.search, {"algo": "gbm"}, training_frame="tr", hyper_parameters=hyper)


def test_a_seeded_random_search_seeds_its_models(lab: Any) -> None:
    seeds = []
    for _ in range(2):
        criteria = '{"strategy": RandomDiscrete,"seed": 77,"max_models": 2}'
        run(lab, seed="-1", hyper_parameters='{"max_depth": [2,3,4]}', search_criteria=criteria)
        models = [lab.node.dkv.require(k) for k in sorted(lab.node.dkv.require("g").models)]
        seeds.append([m.parameters["seed"] for m in models])
        remove_key(lab.runtime, "g")
    assert seeds[0] == seeds[1] == [77, 78]
