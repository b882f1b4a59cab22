"""Reading request values and writing answers."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.schema import (
    EnumValueError,
    OutputSchemaV4,
    RequestSchema,
    Schema,
    api,
    key_ref,
    parse_array,
    parse_value,
    to_wire,
)
from h2ok.kernel import IllegalArgumentError
from hypothesis import given, settings
from hypothesis import strategies as st


class ThingV3(RequestSchema):
    """A request with a field of each kind."""

    schema_type = "Thing"
    flag: bool = api("boolean", False)
    count: int = api("int", 5)
    big: int = api("long", 0)
    share: float = api("double", 0.5)
    kind: str = api("enum", "AUTO", values=("AUTO", "MeanImputation", "one_hot_explicit"))
    names: list[str] = api("string[]")
    sizes: list[int] = api("int[]")
    grid: list[list[float]] = api("double[][]")
    frame: str = api("Key<Frame>")
    lambda_: float = api("double", 0.0, wire_name="lambda")
    done: bool = api("boolean", False, direction="OUTPUT")
    hidden: str = api("string", "x", json=False)


class NeedyV3(Schema):
    """A request with a required field."""

    wanted: str = api("string", required=True)


def _one(**params: Any) -> ThingV3:
    parsed: ThingV3 = ThingV3.parse({k.rstrip("_"): v for k, v in params.items()})
    return parsed


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("true", True), ("TRUE", True), ("True", True), ("0", False), ("maybe", False), ("", False), (True, True)],
)
def test_booleans_never_fail(text: Any, value: bool) -> None:
    assert _one(flag=text).flag is value


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), ("5.0", 5), ("-3", -3), (" 7 ", 7), ("1e3", 1000), (5.0, 5), ("null", None), ("", None)]
)
def test_integers(text: Any, value: int | None) -> None:
    assert _one(count=text).count == value


@pytest.mark.parametrize("text", ["abc", "5.5", "99999999999", "1e999", "nan", "0x10", "1_000", True + 0.5, "--5"])
def test_bad_integers_name_field_value_and_type(text: Any) -> None:
    with pytest.raises(IllegalArgumentError, match=r"count.*ThingV3.*int"):
        _one(count=text)


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 1e-3), ("-Infinity", -math.inf), ("Infinity", math.inf), ("5", 5.0), (2, 2.0)]
)
def test_doubles(text: Any, value: float) -> None:
    assert _one(share=text).share == value


def test_nan_and_bad_doubles() -> None:
    assert math.isnan(_one(share="NaN").share)
    with pytest.raises(IllegalArgumentError, match="share"):
        _one(share="1_0")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("auto", "AUTO"),
        ("mean_imputation", "MeanImputation"),
        ("MEANIMPUTATION", "MeanImputation"),
        ("OneHotExplicit", "one_hot_explicit"),
    ],
)
def test_enums_ignore_case_and_punctuation(text: str, value: str) -> None:
    assert _one(kind=text).kind == value


@pytest.mark.parametrize("text", ["NONE", "none", "None"])
def test_none_is_a_value_where_the_enum_has_it(text: str) -> None:
    assert parse_value(api("enum", "AUTO", values=("AUTO", "NONE")), text) == "NONE"
    assert parse_value(api("enum", "AUTO", values=("AUTO", "ALL")), text) is None


def test_unknown_enum_value_lists_the_allowed() -> None:
    with pytest.raises(EnumValueError, match="AUTO, MeanImputation"):
        _one(kind="nosuch")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[a,b]", ["a", "b"]),
        ('["a","b"]', ["a", "b"]),
        ("['a', 'b']", ["a", "b"]),
        ("a", ["a"]),
        ('"a"', ["a"]),
        ("[]", []),
        ("", None),
        ("null", None),
        ("[a,null,na]", ["a", None, None]),
        ('["a,b","c]d"]', ["a,b", "c]d"]),
        ('["say \\"hi\\""]', ['say "hi"']),
        (["a", "b"], ["a", "b"]),
    ],
)
def test_arrays_of_text(text: Any, value: list[str] | None) -> None:
    assert _one(names=text).names == value


def test_nested_arrays() -> None:
    assert _one(grid="[[1,2],[3.5,4]]").grid == [[1.0, 2.0], [3.5, 4.0]]
    assert _one(sizes="[200,200]").sizes == [200, 200]


@settings(deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(lambda s: s.lower() not in ("null", "na")))
)
def test_quoted_lists_come_back(items: list[str]) -> None:
    text = "[" + ",".join('"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"' for s in items) + "]"
    assert parse_array("string", text) == items


@given(st.text(max_size=50))
def test_any_text_for_any_field_is_read_or_refused_by_an_error_of_ours(text: str) -> None:
    for name in ("flag", "count", "share", "kind", "names", "sizes", "grid", "frame", "lambda"):
        try:
            ThingV3.parse({name: text})
        except (IllegalArgumentError, EnumValueError) as e:
            assert e.message  # noqa: PT017 - either way is right


@given(st.integers(-(2**63), 2**63 - 1))
def test_longs_are_exact(value: int) -> None:
    assert _one(big=str(value)).big == value


def test_keys_keep_their_text_and_may_start_with_a_quote() -> None:
    assert _one(frame=' a"<>').frame == ' a"<>'
    assert _one(frame='"tr').frame == "tr"
    assert _one(frame={"name": "tr"}).frame == "tr"
    assert _one(frame="").frame is None


def test_unknown_output_and_missing_fields_are_refused() -> None:
    with pytest.raises(IllegalArgumentError, match=r"Unknown parameter 'nosuch' for ThingV3\. Known: "):
        _one(nosuch=1)
    with pytest.raises(IllegalArgumentError, match=r"Unknown parameter 'coutn' for ThingV3\. Nearest: 'count'\. Known: "):
        _one(coutn=1)
    with pytest.raises(IllegalArgumentError, match="output field 'done'"):
        _one(done=1)
    with pytest.raises(IllegalArgumentError, match="Required field 'wanted'") as e:
        NeedyV3.parse({})
    assert e.value.values == {"argument": "wanted", "schema": "NeedyV3"}


def test_answers_start_with_meta_keep_the_order_and_use_wire_names() -> None:
    out = ThingV3(lambda_=0.25).to_json()
    assert list(out)[:3] == ["__meta", "_exclude_fields", "flag"]
    assert out["lambda"] == 0.25
    assert "hidden" not in out
    assert out["__meta"] == {"schema_version": 3, "schema_name": "ThingV3", "schema_type": "Thing"}


def test_version_4_answers_name_their_schema() -> None:
    class ThingV4(OutputSchemaV4):
        a: int = api("int", 1)

    assert ThingV4().to_json() == {"__schema": "/4/schemas/ThingV4", "a": 1}


def test_wire_values() -> None:
    values = [1.0, float("nan"), float("inf"), -math.inf, np.float64(2.5), np.array([1, 2]), np.int64(3), None, "é", {"a": (1,)}]
    out = to_wire(values)
    assert out == [1.0, "NaN", "Infinity", "-Infinity", 2.5, [1, 2], 3, None, "é", {"a": [1]}]
    json.dumps(out, allow_nan=False)
    with pytest.raises(TypeError, match="object"):
        to_wire(object())


def test_key_references() -> None:
    assert key_ref("Frame", "tr") == {
        "__meta": {"schema_version": 3, "schema_name": "FrameKeyV3", "schema_type": "Key<Frame>"},
        "name": "tr",
        "type": "Key<Frame>",
        "URL": "/3/Frames/tr",
    }
    assert key_ref("Model", None) is None
