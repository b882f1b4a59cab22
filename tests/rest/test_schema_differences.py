# ruff: noqa: E501 - reasons are sentences
"""Every schema we have in common with H2O-3, field by field; each difference stands here with its reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from h2ok.capabilities.testing import Client, local_runtime

_FILE = json.loads((Path(__file__).parents[1] / "golden" / "schemas" / "others.json").read_text())
GOLDEN, OFFERED = _FILE["schemas"], _FILE["offered"]
_ATTRIBUTES = ("name", "type", "direction", "level", "required", "json")


class Difference(NamedTuple):
    schema: str
    field: str
    attribute: str
    theirs: Any
    ours: Any


def _is_hidden(d: Difference) -> bool:
    return d.attribute == "missing" and d.schema in OFFERED and d.field not in OFFERED[d.schema]


#: reason -> the differences it explains. A rule that explains nothing any more fails the test.
REASONS = {
    "H2O's Java base classes declare it for every algorithm, its own list of fields hides it from this one; neither takes it": _is_hidden,
    "h2ok writes no parameters back in place of those it read: the answer of a builder carries them as a list of its own": lambda d: (
        d.attribute == "direction" and d.schema.partition("Parameters")[1] and (d.theirs, d.ours) == ("INOUT", "INPUT")
    ),
    "the base is a class of H2O's Java code; h2ok composes parameters and answers of parts": lambda d: d.attribute == "superclass",
    "the field is echoed in the answer as H2O does too, although its metadata calls it INPUT": lambda d: (
        d.attribute == "direction" and d.schema in {"ParseV3", "ParseSVMLightV3", "ImportFilesV3", "ImportFilesMultiV3", "ParseSetupV3",
                                                    "PartialDependenceV3", "SplitFrameV3", "ModelMetricsListSchemaV3"}
    ),
    "H2O leaves the field out of an answer when it was not asked for; h2ok always writes it": lambda d: (
        d.attribute == "json" and d.schema in {"ModelMetricsListSchemaV3", "ModelsV3", "ModelBuildersV3"}
    ),
    "a missing value is refused with all that is missing, after parsing": lambda d: (
        d.attribute == "required" and d.schema in {"MakeGLMModelV3", "PCAParametersV3"}
    ),
    "levels order H2O's own forms, and Flow has none for it": lambda d: (
        d.attribute == "level" and d.schema in {"ModelMetricsListSchemaV3", "ModelMetricsMakerSchemaV3", "ModelsV3"}
    ),
    "the values depend on the installed extensions, or are checked by the handler with a better message": lambda d: (
        d.attribute == "type" and d.field in {"parse_type", "auc_type", "auuc_type"}
    ),
    "a number of lines that are looked at fits an int": lambda d: (d.schema, d.field) == ("ParseSetupV3", "header_lines"),
    "the name of the object instead of H2O's general Iced": lambda d: (d.schema, d.attribute) == ("PersistS3CredentialsV3", "type"),
    "SVD is served at version 3 as well": lambda d: (d.schema, d.attribute) == ("SVDParametersV99", "version"),
}  # fmt: skip


@pytest.fixture(scope="module")
def ours() -> Iterator[dict[str, Any]]:
    with local_runtime() as runtime:
        yield {s["name"]: s for s in Client.of(runtime).get("/3/Metadata/schemas")["schemas"]}


def _differences(ours: dict[str, Any]) -> Iterator[Difference]:
    for name, theirs in GOLDEN.items():
        mine = ours[name]
        for attribute in ("version", "type", "superclass"):
            if mine[attribute] != theirs[attribute]:
                yield Difference(name, "", attribute, theirs[attribute], mine[attribute])
        fields = {f["name"]: f for f in mine["fields"]}
        for row in theirs["fields"]:
            field = row[0]
            if field == "__schema":
                continue
            if field not in fields:
                yield Difference(name, field, "missing", True, False)
                continue
            for attribute, value in zip(_ATTRIBUTES, row, strict=True):
                if fields[field][attribute] != value:
                    yield Difference(name, field, attribute, value, fields[field][attribute])
        for field in fields.keys() - {f[0] for f in theirs["fields"]}:
            yield Difference(name, field, "extra", False, True)


def test_every_difference_has_a_reason_and_every_reason_a_difference(ours: dict[str, Any]) -> None:
    found = list(_differences(ours))
    unexplained = [d for d in found if not any(rule(d) for rule in REASONS.values())]
    assert not unexplained
    idle = [reason for reason, rule in REASONS.items() if not any(rule(d) for d in found)]
    assert not idle


def test_no_parameter_that_h2o_offers_is_missing(ours: dict[str, Any]) -> None:
    for name, offered in OFFERED.items():
        assert not set(offered) - {f["name"] for f in ours[name]["fields"]}, name


def test_every_common_schema_is_compared(ours: dict[str, Any]) -> None:
    core = json.loads((Path(__file__).parents[1] / "golden" / "schemas" / "core.json").read_text())["schemas"]
    assert set(GOLDEN) <= set(ours)
    assert len(GOLDEN) + len(core) > 100


def test_every_route_is_listed_with_schemas_that_exist(ours: dict[str, Any]) -> None:
    with local_runtime() as runtime:
        listed = Client.of(runtime).get("/3/Metadata/endpoints")["routes"]
        bound = runtime.service_named("rest.app").router.bound
    assert {(r["http_method"], r["url_pattern"]) for r in listed} == {(b.route.method, b.route.path) for b in bound}
    for r in listed:
        for name in (r["input_schema"], r["output_schema"]):
            assert name is None or name in ours, (r["url_pattern"], name)
