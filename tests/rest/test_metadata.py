"""Metadata of routes and schemas, against what H2O-3 reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.registry import resolve
from h2ok.capabilities.testing import Client

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "schemas" / "core.json").read_text())["schemas"]

#: schema -> field -> why ours differs.
DIFFERENCES: dict[str, dict[str, str]] = {}


def _described(web: Client, name: str) -> dict[str, Any]:
    described: dict[str, Any] = web.get("/3/Metadata/schemas/" + name)["schemas"][0]
    return described


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_schema_has_h2os_fields(web: Client, name: str) -> None:
    ours, theirs = _described(web, name), GOLDEN[name]
    assert {k: ours[k] for k in ("version", "type", "superclass")} == {k: theirs[k] for k in ("version", "type", "superclass")}
    fields = {f["name"]: [f["name"], f["type"], f["direction"], f["level"], f["required"], f["json"]] for f in ours["fields"]}
    missing = [f for f in theirs["fields"] if f[0] not in fields and f[0] != "__schema"]
    extra = [n for n in fields if n not in {f[0] for f in theirs["fields"]}]
    changed = [
        (fields[f[0]], f)
        for f in theirs["fields"]
        if f[0] in fields and fields[f[0]] != f and f[0] not in DIFFERENCES.get(name, {})
    ]
    assert (missing, extra, changed) == ([], [], [])


def test_own_fields_come_first_then_inherited_ones(web: Client) -> None:
    fields = _described(web, "FrameV3")["fields"]
    assert fields[0]["name"] == "row_offset"
    inherited = [f["is_inherited"] for f in fields]
    assert inherited == sorted(inherited)
    assert next(f for f in fields if f["name"] == "frame_id")["inherited_from"] == "FrameBaseV3"


def test_every_field_has_its_own_help(web: Client) -> None:
    for schema in web.get("/3/Metadata/schemas")["schemas"]:
        for f in schema["fields"]:
            assert f["help"], (schema["name"], f["name"])


def test_every_route_resolves_and_is_described(web: Client, shared: Runtime) -> None:
    routes = web.get("/3/Metadata/endpoints")["routes"]
    app = shared.service_named("rest.app")
    assert len(routes) == len(app.router.bound) > 70
    for bound, route in zip(app.router.bound, routes, strict=True):
        assert callable(resolve(bound.route.handler))
        for target in (bound.route.input, bound.route.output):
            resolve(target)
        assert route["summary"], route
        assert route["url_pattern"] == bound.route.path
    assert web.get("/3/Metadata/endpoints/%2F3%2FFrames%2F%7Bframe_id%7D%2Fsummary")["routes"][0]["api_name"] == "frameSummary"
    assert len(web.get("/4/endpoints")["endpoints"]) == len(routes)


def test_answers_hold_exactly_the_fields_of_their_schema(web: Client) -> None:
    for path, name in (("/3/Cloud", "CloudV3"), ("/3/Ping", "PingV3"), ("/3/About", "AboutV3"), ("/3/Jobs", "JobsV3")):
        declared = {f["name"] for f in _described(web, name)["fields"] if f["json"]}
        assert set(web.get(path)) == declared


def test_capabilities(web: Client) -> None:
    core = [c["name"] for c in web.get("/3/Capabilities/Core")["capabilities"]]
    rest = [c["name"] for c in web.get("/3/Capabilities/API")["capabilities"]]
    assert core == ["REST", "Downloads", "Parsers"]
    assert rest == ["Core V3", "Core V4"]
    assert [c["name"] for c in web.get("/3/Capabilities")["capabilities"]] == core + rest
    report = web.get("/3/Capabilities/Extensions")
    assert {e["name"]: e["state"] for e in report["extensions"]} == {"rest": "active", "parsers": "active"}
    assert report["route_clashes"] == []
