"""The conformance set: every file and option gives what H2O-3 made of it, apart from the deviations listed here with their reasons."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime

GOLDEN = Path(__file__).parent.parent / "golden" / "parse"
sys.path.insert(0, str(GOLDEN))
from conformance import ALL_CASES, form_body, walk  # noqa: E402

RECORDED: dict[str, Any] = json.loads((GOLDEN / "conformance.json").read_text())["cases"]
DEVIATIONS: dict[str, str] = {}


@pytest.fixture(scope="module")
def shared() -> Iterator[Runtime]:
    with local_runtime(only=("rest", "parsers")) as made:
        yield made


def normal(answer: dict[str, Any]) -> dict[str, Any]:
    """What is compared: an all-missing column has no number type of its own, UUID text compares in lower case."""
    out = {"failed": answer.get("failed"), "rows": answer.get("rows")}
    columns = []
    for c in answer.get("columns", ()):
        data = [None if v == "NaN" else v for v in c["data"]]
        kind = c["type"]
        if kind in ("int", "real") and all(v is None for v in data):
            kind = "int"
        if kind == "uuid":
            data = [None if v is None else v.lower() for v in data]
        columns.append({"name": c["name"], "type": kind, "domain": c["domain"], "data": data})
    return out | {"columns": columns}


def test_the_set_is_recorded() -> None:
    assert set(RECORDED) == set(ALL_CASES)
    assert len(ALL_CASES) >= 150
    assert set(DEVIATIONS) <= set(ALL_CASES)


@pytest.mark.parametrize("name", ALL_CASES)
def test_parse_equals_h2o(shared: Runtime, tmp_path: Path, name: str) -> None:
    client = Client.of(shared)

    def web(method: str, path: str, **form: Any) -> Any:
        return client.request(method, path, data=form_body(form), content_type="application/x-www-form-urlencoded").json

    answer = walk(web, tmp_path, ALL_CASES[name])
    assert not [k for k in shared.node.dkv.local_keys() if not k.startswith("$job")] or answer.get("failed")
    client.delete("/3/DKV")
    same = normal(answer) == normal(RECORDED[name])
    assert same != (name in DEVIATIONS), DEVIATIONS.get(name) or f"H2O: {normal(RECORDED[name])}\nh2ok: {normal(answer)}"
