"""AVRO: what its logical types mean, which fields cannot be columns, and numbers that a double would round."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.testing import Client
from h2ok.ext.parsers.avro_fields import fields_of
from h2ok.ext.parsers.rows import columns_of_values
from h2ok.kernel import Frame

WHEN = dt.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
MS = 1704164645678
ID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")


def fixed(size: int, **more: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": f"f{size}", "size": size, **more}


def file(kind: Any, values: list[Any]) -> bytes:
    out = io.BytesIO()
    schema = {"type": "record", "name": "r", "fields": [{"name": "c", "type": ["null", kind]}, {"name": "n", "type": "int"}]}
    fastavro.writer(out, schema, [{"c": v, "n": i} for i, v in enumerate(values)])
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "value", "type_", "cell"),
    [
        ({"type": "long", "logicalType": "time-micros"}, dt.time(3, 4, 5, 678901), "numeric", 11045678),
        ({"type": "int", "logicalType": "time-millis"}, dt.time(3, 4, 5, 678000), "numeric", 11045678),
        ({"type": "long", "logicalType": "timestamp-micros"}, WHEN, "time", MS),
        ({"type": "long", "logicalType": "timestamp-nanos"}, 1704164645678901234, "time", MS),
        ({"type": "long", "logicalType": "local-timestamp-nanos"}, 1704164645678901234, "time", MS),
        ({"type": "long", "logicalType": "timestamp-micros"}, -1, "time", -1),
        ({"type": "long", "logicalType": "no-such-type"}, 7, "numeric", 7),
        ({"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}, decimal.Decimal("1.50"), "numeric", 1.5),
    ],
)
def test_logical_types_are_numbers_and_times(
    ctx: RequestContext, load: Callable[..., Frame], kind: Any, value: Any, type_: str, cell: float
) -> None:
    vec = load(file(kind, [value, None]), "t.avro").vec("c")
    assert vec.type == type_
    np.testing.assert_array_equal(vec.to_numpy(ctx.node), [cell, np.nan])


@pytest.mark.parametrize(
    ("kind", "value"), [({"type": "string", "logicalType": "uuid"}, ID), (fixed(16, logicalType="uuid"), ID.bytes)]
)
def test_uuids_of_text_and_of_bytes(ctx: RequestContext, load: Callable[..., Frame], kind: Any, value: Any) -> None:
    vec = load(file(kind, [value, None]), "t.avro").vec("c")
    assert vec.type == "uuid"
    assert vec.to_strings(ctx.node) == [str(ID), None]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ({"type": "bytes", "logicalType": "big-decimal"}, b"\x02\x01\x04", "big-decimal (bytes)"),
        (fixed(12, logicalType="duration"), b"\0" * 12, "duration (fixed)"),
        ({"type": "array", "items": "int"}, [1], "array"),
    ],
)
def test_fields_that_cannot_be_columns_are_left_out_with_a_word(
    client: Client, runtime: Runtime, tmp_path: Path, kind: Any, value: Any, text: str
) -> None:
    path = tmp_path / "t.avro"
    path.write_bytes(file(kind, [value]))
    keys = client.get("/3/ImportFiles", path=str(path))["destination_frames"]
    setup = client.post("/3/ParseSetup", source_frames=keys)
    assert setup["column_names"] == ["n"]
    assert setup["warnings"] == [f"Field 'c' is left out: {text} cannot be a column."]


def test_named_types_are_known_again() -> None:
    colour = {"type": "enum", "name": "colour", "namespace": "a.b", "symbols": ["red", "blue"]}
    fields = [{"name": "x", "type": colour}, {"name": "y", "type": "a.b.colour"}, {"name": "z", "type": ["null", "colour"]}]
    found = fields_of({"type": "record", "name": "r", "namespace": "a.b", "fields": fields})
    assert [(f.type, f.symbols) for f in found] == [("Enum", ("red", "blue"))] * 3


def test_types_that_hold_themselves_are_left_out() -> None:
    loop = {"type": "record", "name": "node", "fields": [{"name": "next", "type": ["null", "node"]}, {"name": "n", "type": "int"}]}
    assert [f.type for f in fields_of(loop)] == ["", "Numeric"]


def test_long_numbers_are_exact(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    values = [2**53 + 1, None, -(2**63) + 1, 1577134800018226901]
    frame = load(file("long", values), "t.avro")
    chunk = frame.vec("c").chunk(ctx.node, 0)
    assert [None if v == np.iinfo(np.int64).min else int(v) for v in chunk.int64()] == values


@pytest.mark.parametrize(
    ("values", "whole"),
    [
        ([2**53 + 1, None], True),
        ([decimal.Decimal(2**53 + 1), 7], True),
        ([2**53 + 1, 1.5], False),
        ([2**53 + 1, decimal.Decimal("1.5")], False),
        ([2**63, 1], False),
        ([decimal.Decimal("NaN"), 2**53 + 1], False),
    ],
)
def test_whole_numbers_are_kept_where_all_are_whole(values: list[Any], whole: bool) -> None:
    chunk = columns_of_values([values], ["Numeric"], len(values)).chunks[0]
    assert chunk is not None
    if whole:
        assert int(chunk.int64()[0]) == 2**53 + 1
    else:
        np.testing.assert_array_equal(chunk.decode(), np.array([float(v) for v in values]))
