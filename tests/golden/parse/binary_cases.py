"""Binary files of the conformance set: Parquet, AVRO, ORC, XLS and XLSX, written by their own libraries from fixed values."""

from __future__ import annotations

import datetime as dt
import decimal
import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
from text_cases import Case

__all__ = ["BINARY_CASES"]

_WHEN = dt.datetime(2024, 2, 3, 4, 5, 6, 789000)
_DAY = dt.date(2024, 2, 3)


def parquet(table: pa.Table, **setup: Any) -> Case:
    """A case of one Parquet file; keyword arguments that begin with ``w_`` go to the writer."""
    out = io.BytesIO()
    pq.write_table(table, out, **{k[2:]: v for k, v in setup.items() if k.startswith("w_")})
    return Case({"t.parquet": out.getvalue()}, {k: v for k, v in setup.items() if not k.startswith("w_")})


def orc(table: pa.Table, **setup: Any) -> Case:
    out = io.BytesIO()
    pyarrow.orc.write_table(table, out)
    return Case({"t.orc": out.getvalue()}, setup)


def avro(fields: list[dict[str, Any]], rows: list[dict[str, Any]], codec: str = "null", **setup: Any) -> Case:
    import fastavro

    out = io.BytesIO()
    schema = fastavro.parse_schema({"type": "record", "name": "row", "fields": fields})
    fastavro.writer(out, schema, rows, codec=codec, sync_marker=b"0123456789abcdef")
    return Case({"t.avro": out.getvalue()}, setup)


def xls(rows: list[list[Any]], **setup: Any) -> Case:
    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("s")
    date = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            if isinstance(value, dt.date):
                sheet.write(i, j, value, date)
            elif value is not None:
                sheet.write(i, j, value)
    out = io.BytesIO()
    book.save(out)
    return Case({"t.xls": out.getvalue()}, setup)


def xlsx(rows: list[list[Any]], **setup: Any) -> Case:
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return Case({"t.xlsx": out.getvalue()}, setup)


def column(kind: pa.DataType, values: list[Any]) -> pa.Table:
    return pa.table({"a": pa.array(values, type=kind), "n": pa.array(range(len(values)), type=pa.int32())})


_NUMBERS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "int8": (pa.int8(), [1, None, -128, 127]), "int16": (pa.int16(), [1, None, -32768, 32767]),
    "int32": (pa.int32(), [1, None, -(2**31), 2**31 - 1]), "int64": (pa.int64(), [1, None, -(2**53), 2**53]),
    "uint8": (pa.uint8(), [1, None, 255]), "uint16": (pa.uint16(), [1, None, 65535]), "uint32": (pa.uint32(), [1, None, 2**31 - 1]),
    "float": (pa.float32(), [1.5, None, -2.25, float("nan")]), "double": (pa.float64(), [1.5, None, 1e300, float("nan")]),
    "bool": (pa.bool_(), [True, None, False]), "bool_full": (pa.bool_(), [True, True, False]),
    "decimal": (pa.decimal128(9, 2), [decimal.Decimal("1.25"), None, decimal.Decimal("-7.50")]),
    "string": (pa.string(), ["x", None, "y", "x", "y", "x"]), "string_distinct": (pa.string(), ["p", "q", None, "r"]),
    "string_numbers": (pa.string(), ["1", "2", None, "3"]), "string_dates": (pa.string(), ["2013-01-01", "2013-01-02", None]),
    "string_empty": (pa.string(), ["", "x", "", "x", None]), "binary": (pa.binary(), [b"x", None, b"y", b"x"]),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), ["x", None, "y", "x"]),
    "date": (pa.date32(), [_DAY, None, dt.date(1960, 1, 1)]), "ts_ms": (pa.timestamp("ms"), [_WHEN, None, _WHEN]),
    "ts_us": (pa.timestamp("us"), [_WHEN, None, _WHEN]), "ts_utc": (pa.timestamp("ms", tz="UTC"), [_WHEN, None, _WHEN]),
    "all_missing": (pa.float64(), [None, None, None]), "all_missing_text": (pa.string(), [None, None, None]),
}  # fmt: skip

_PLAIN = pa.table({"i": [1, 2, 3, 4], "s": ["x", "y", "x", "y"], "d": [0.5, 1.5, 2.5, 3.5]})
_ROWS = [["i", "s", "d"], [1, "x", 0.5], [2, "y", 1.5], [3, "x", 2.5], [4, "y", 3.5]]

BINARY_CASES: dict[str, Case] = {f"parquet_{k}": parquet(column(*v)) for k, v in _NUMBERS.items()}
BINARY_CASES |= {
    "parquet_gzip": parquet(_PLAIN, w_compression="gzip"),
    "parquet_zstd": parquet(_PLAIN, w_compression="zstd"),
    "parquet_plain": parquet(_PLAIN, w_compression="none"),
    "parquet_row_groups": parquet(_PLAIN, w_row_group_size=2),
    "parquet_no_dictionary": parquet(_PLAIN, w_use_dictionary=False),
    "parquet_int96": parquet(column(pa.timestamp("ns"), [_WHEN, None, _WHEN]), w_use_deprecated_int96_timestamps=True),
    "parquet_type_enum": parquet(_PLAIN, column_types=["Enum", "Enum", "Numeric"]),
    "parquet_type_string": parquet(_PLAIN, column_types=["Numeric", "String", "Numeric"]),
    "parquet_skip": parquet(_PLAIN, skipped_columns=[1]),
    "parquet_nested": parquet(pa.table({"l": [[1, 2], [3]], "i": [1, 2]})),
    "parquet_damaged": Case({"t.parquet": b"PAR1" + b"nonsense" * 20 + b"PAR1"}),
}
_ORC = {"int8", "int32", "int64", "float", "double", "bool", "decimal", "string", "string_distinct", "date", "ts_us"}
BINARY_CASES |= {
    f"orc_{k}": orc(column(pa.timestamp("ns") if k == "ts_us" else _NUMBERS[k][0], _NUMBERS[k][1])) for k in sorted(_ORC)
}
BINARY_CASES |= {"orc_skip": orc(_PLAIN, skipped_columns=[1]), "orc_damaged": Case({"t.orc": b"ORC" + b"nonsense" * 20})}


def _avro_of(kind: Any, values: list[Any], codec: str = "null", **setup: Any) -> Case:
    fields = [{"name": "a", "type": kind}, {"name": "n", "type": "int"}]
    # H2O finds no block in files of less than about a hundred bytes of data, so the values are repeated.
    many = (values * 60)[:60]
    return avro(fields, [{"a": v, "n": i} for i, v in enumerate(many)], codec, **setup)


BINARY_CASES |= {
    "avro_int": _avro_of("int", [1, -5, 2**31 - 1]),
    "avro_long": _avro_of("long", [1, -5, 2**53]),
    "avro_float": _avro_of("float", [1.5, -5.25]),
    "avro_double": _avro_of("double", [1.5, -5.1, 1e300]),
    "avro_boolean": _avro_of("boolean", [True, False, True]),
    "avro_string": _avro_of("string", ["x", "y", "x"]),
    "avro_string_distinct": _avro_of("string", ["p", "q", "r", "s"]),
    "avro_enum": _avro_of({"type": "enum", "name": "e", "symbols": ["Z", "A"]}, ["A", "Z", "A"]),
    "avro_null_int": _avro_of(["null", "int"], [1, None, 3]),
    "avro_null_double": _avro_of(["null", "double"], [1.5, None, 3]),
    "avro_null_string": _avro_of(["null", "string"], ["x", None, "y", "x"]),
    "avro_null_boolean": _avro_of(["null", "boolean"], [True, None, False]),
    "avro_bytes": _avro_of("bytes", [b"x", b"y"]),
    "avro_null_type": _avro_of("null", [None, None]),
    "avro_timestamp": _avro_of({"type": "long", "logicalType": "timestamp-millis"}, [1706933106789, 0]),
    "avro_date": _avro_of({"type": "int", "logicalType": "date"}, [19756, 0]),
    "avro_record": _avro_of({"type": "record", "name": "r", "fields": [{"name": "x", "type": "int"}]}, [{"x": 1}, {"x": 2}]),
    "avro_array": _avro_of({"type": "array", "items": "int"}, [[1], [2, 3]]),
    "avro_deflate": _avro_of("int", list(range(20)), "deflate"),
    "avro_snappy": _avro_of("int", list(range(20)), "snappy"),
    "avro_skip": _avro_of("int", [1, 2, 3], skipped_columns=[0]),
    "avro_damaged": Case({"t.avro": b"Obj\x01" + b"nonsense" * 20}),
}

_SHEETS: dict[str, list[list[Any]]] = {
    "plain": _ROWS,
    "no_header": _ROWS[1:],
    "missing": [["i", "s"], [1, "x"], [None, "y"], [3, None], [4, "x"], [5, "y"]],
    "dates": [["d", "i"], [_DAY, 1], [dt.date(2024, 2, 4), 2]],
    "booleans": [["b", "i"], [True, 1], [False, 2]],
    "text_numbers": [["a", "i"], ["1", 1], ["2", 2], ["3", 3]],
    "mixed": [["a", "i"], [1, 1], ["x", 2], [3, 3], [4, 4]],
    "ragged": [["a", "b", "c"], [1, 2], [3, 4, 5], [6]],
    "unicode": [["st\u00e4dte", "i"], ["K\u00f6ln", 1], ["Bonn", 2], ["K\u00f6ln", 3]],
    "wide": [[f"c{j}" for j in range(40)], list(range(40)), list(range(40, 80))],
    "large": [["a"], *[[i * 1.5] for i in range(60)]],
}
_MAKERS: dict[str, Callable[..., Case]] = {"xls": xls, "xlsx": xlsx}
BINARY_CASES |= {f"{kind}_{name}": make(rows) for kind, make in _MAKERS.items() for name, rows in _SHEETS.items()}
BINARY_CASES |= {
    "xls_skip": xls(_ROWS, skipped_columns=[0]),
    "xls_types": xls(_ROWS, column_types=["Enum", "String", "Numeric"]),
    "xls_damaged": Case({"t.xls": bytes.fromhex("d0cf11e0a1b11ae1") + b"nonsense" * 100}),
}


def _folders() -> dict[str, bytes]:
    out = {}
    for year, half in ((2023, "a"), (2023, "b"), (2024, "a")):
        stream = io.BytesIO()
        pq.write_table(pa.table({"x": [year % 100, 1], "s": [f"v{half}", "w"]}), stream)
        out[f"year={year}/half={half}/part.parquet"] = stream.getvalue()
    return out


BINARY_CASES |= {
    "partition_two": Case(_folders(), {"partition_by": ["year", "half"]}),
    "partition_one": Case(_folders(), {"partition_by": ["year"]}),
    "partition_csv": Case(
        {"k=p/t.csv": b"a,b\n1,2\n3,4\n", "k=q/t.csv": b"a,b\n5,6\n"}, {"partition_by": ["k"]}
    ),
}  # fmt: skip
