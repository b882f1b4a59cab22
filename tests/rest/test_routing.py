"""Which route answers a path."""

from __future__ import annotations

import pytest
from h2ok.capabilities.contracts.routes import Route
from h2ok.ext.rest.routing import Router


def _router(*specs: str) -> Router:
    router = Router()
    router.add("t", [Route(*s.split(" "), handler=s) for s in specs])
    return router


def _find(router: Router, spec: str) -> tuple[str, dict[str, str]] | None:
    method, path = spec.split(" ", 1)
    found = router.find(method, path)
    return None if found is None else (str(found.bound.route.handler), found.params)


FRAMES = (
    "GET /3/Frames",
    "GET /3/Frames/{frame_id}",
    "DELETE /3/Frames/{frame_id}",
    "GET /3/Frames/{frame_id}/summary",
    "GET /3/Frames/{frame_id}/columns",
    "GET /3/Frames/{frame_id}/columns/{column}",
    "GET /3/Frames/{frame_id}/columns/{column}/domain",
    "POST /3/Frames/{frame_id}/export",
    "POST /3/Frames/load",
)


@pytest.mark.parametrize(
    ("request_line", "route"),
    [
        ("GET /3/Cloud", "GET /3/Cloud"),
        ("GET /77/Cloud", "GET /4/Cloud"),
        ("GET /4/Cloud", "GET /4/Cloud"),
        ("GET /2/Cloud", None),
        ("GET /abc/Cloud", None),
        ("GET /3x/Cloud", None),
        ("POST /3/Cloud", None),
        ("GET /3/Cloud/", None),
        ("GET /", None),
        ("GET //", None),
    ],
)
def test_exact_version_wins_then_the_highest_below(request_line: str, route: str | None) -> None:
    found = _find(_router("GET /3/Cloud", "GET /4/Cloud"), request_line)
    assert (found[0] if found else None) == route


def test_literal_wins_over_parameter_and_version_decides_between_them() -> None:
    router = _router("GET /99/Rapids/help", "GET /3/Rapids/{ast}")
    assert _find(router, "GET /99/Rapids/help") == ("GET /99/Rapids/help", {})
    assert _find(router, "GET /3/Rapids/help") == ("GET /3/Rapids/{ast}", {"ast": "help"})


@pytest.mark.parametrize(
    ("request_line", "route", "params"),
    [
        ("GET /3/Frames/a%2Fb", "GET /3/Frames/{frame_id}", {"frame_id": "a/b"}),
        ("GET /3/Frames/a/b", "GET /3/Frames/{frame_id}", {"frame_id": "a/b"}),
        ("GET /3/Frames/nfs://d/t.csv/summary", "GET /3/Frames/{frame_id}/summary", {"frame_id": "nfs://d/t.csv"}),
        (
            "GET /3/Frames/a/b/columns/c/domain",
            "GET /3/Frames/{frame_id}/columns/{column}/domain",
            {"frame_id": "a/b", "column": "c"},
        ),
        ("GET /3/Frames/a/b/columns", "GET /3/Frames/{frame_id}/columns", {"frame_id": "a/b"}),
        ("DELETE /3/Frames/a/b", "DELETE /3/Frames/{frame_id}", {"frame_id": "a/b"}),
        ("POST /3/Frames/a/b/export", "POST /3/Frames/{frame_id}/export", {"frame_id": "a/b"}),
        ("POST /3/Frames/load", "POST /3/Frames/load", {}),
        ("GET /3/Frames/%24job", "GET /3/Frames/{frame_id}", {"frame_id": "$job"}),
        ("GET /3/Frames/", "GET /3/Frames/{frame_id}", {"frame_id": ""}),
    ],
)
def test_keys_of_frames_may_hold_slashes(request_line: str, route: str, params: dict[str, str]) -> None:
    assert _find(_router(*FRAMES), request_line) == (route, params)


SCORED = (
    "POST /4/Predictions/models/{model}/frames/{frame}",
    "GET /3/ModelMetrics/models/{model}",
    "GET /3/ModelMetrics/models/{model}/frames/{frame}",
    "GET /3/ModelMetrics/frames/{frame}",
)


@pytest.mark.parametrize(
    ("request_line", "route", "params"),
    [
        ("POST /4/Predictions/models/m/frames/a/b", SCORED[0], {"model": "m", "frame": "a/b"}),
        ("POST /4/Predictions/models/m/frames/a/frames/b", SCORED[0], {"model": "m", "frame": "a/frames/b"}),
        ("GET /3/ModelMetrics/frames/a/b", SCORED[3], {"frame": "a/b"}),
        ("GET /3/ModelMetrics/models/m/frames/a/b", SCORED[2], {"model": "m", "frame": "a/b"}),
    ],
)
def test_frames_with_slashes_are_scored(request_line: str, route: str, params: dict[str, str]) -> None:
    assert _find(_router(*SCORED), request_line) == (route, params)
    assert _find(_router(*SCORED), "GET /3/ModelMetrics/models/a/b") is None


def test_trailing_slash_is_an_empty_parameter() -> None:
    router = _router("POST /99/Models.bin/{model_id}", "POST /3/PartialDependence/")
    assert _find(router, "POST /99/Models.bin/") == ("POST /99/Models.bin/{model_id}", {"model_id": ""})
    assert _find(router, "POST /3/PartialDependence/") == ("POST /3/PartialDependence/", {})
    assert _find(router, "POST /3/PartialDependence") is None


def test_clash_keeps_the_first_and_is_reported() -> None:
    router = _router("GET /3/X")
    router.add("other", [Route("GET", "/3/X", handler="second")])
    assert _find(router, "GET /3/X") == ("GET /3/X", {})
    assert router.clashes == ["GET /3/X of 'other' is already provided by 't'; the first one is used."]


def test_very_deep_paths_are_refused() -> None:
    assert _find(_router(*FRAMES), "GET /3/Frames" + "/a" * 1000) is None
