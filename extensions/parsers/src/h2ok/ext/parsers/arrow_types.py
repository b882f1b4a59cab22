"""Arrow types: what each can be as a column, and the plain array behind extension types and runs."""

from __future__ import annotations

from typing import Any

__all__ = ["NUMBERS", "TIMES", "is_plain_text", "kind_of", "kind_of_field", "may_pass_int64", "name_of", "storage_of"]

#: Kinds that hold numbers, and those that hold times or lengths of time.
NUMBERS, TIMES = ("whole", "real", "time of day", "duration"), ("time of day", "duration", "timestamp", "date")
#: Digits that any int64 can have.
_DIGITS = 18
#: Spans of time whose storage counts them from 1970 on: no number that anyone means.
_PERIOD = "pandas.period"


def kind_of(kind: Any) -> str:
    """What a type holds: ``whole``, ``real``, ``boolean``, ``text``, ``bytes``, ``uuid``, ``timestamp``, ``date``, ``time of day``,
    ``duration``, or nothing for a type that cannot be a column. Of dictionaries and runs that of their values.
    """
    import pyarrow as pa

    t = pa.types
    name = _extension_name(kind)
    if name:
        if name == "arrow.uuid":
            return "uuid"
        if name == _PERIOD:
            return ""
        return "boolean" if name == "arrow.bool8" else kind_of(kind.storage_type)
    if t.is_dictionary(kind) or _is_runs(kind):
        return kind_of(kind.value_type)
    if t.is_integer(kind):
        return "whole"
    if t.is_floating(kind) or t.is_decimal(kind) or t.is_null(kind):
        return "real"
    tests = (
        (t.is_boolean, "boolean"), (t.is_timestamp, "timestamp"), (t.is_date, "date"), (t.is_time, "time of day"),
        (t.is_duration, "duration"), (t.is_string, "text"), (t.is_large_string, "text"), (t.is_string_view, "text"),
        (t.is_binary, "bytes"), (t.is_large_binary, "bytes"), (t.is_binary_view, "bytes"), (t.is_fixed_size_binary, "bytes"),
    )  # fmt: skip
    return next((found for test, found in tests if test(kind)), "")


def kind_of_field(field: Any) -> str:
    """``kind_of`` the type of a field, also where its extension type is known by the field's metadata alone."""
    return "" if name_of(field) == _PERIOD else kind_of(field.type)


def name_of(field: Any) -> str:
    """What the type of a field is called: its extension type, also where only the metadata tells of one, or its Arrow type."""
    told = (field.metadata or {}).get(b"ARROW:extension:name", b"")
    return told.decode(errors="replace") or str(field.type)


def is_plain_text(kind: Any) -> bool:
    """Whether an Arrow type is text or bytes, and no dictionary of such."""
    import pyarrow as pa

    return not _extension_name(kind) and not pa.types.is_dictionary(kind) and kind_of(kind) in ("text", "bytes")


def may_pass_int64(kind: Any) -> bool:
    """Whether whole numbers of a type may have more digits than int64."""
    import pyarrow as pa

    if pa.types.is_decimal(kind):
        return bool(kind.precision - kind.scale > _DIGITS)
    return bool(kind == pa.uint64())


def storage_of(column: Any) -> Any:
    """The array behind a column: that of an extension type (UUIDs as 16 bytes, bool8 as booleans), runs written out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = _extension_name(column.type)
    if name:
        column = column.cast(column.type.storage_type) if isinstance(column, pa.ChunkedArray) else column.storage
        if name == "arrow.bool8":
            return pc.not_equal(column, pa.scalar(0, column.type))
        return storage_of(column)
    return storage_of(pc.run_end_decode(column)) if _is_runs(column.type) else column


def _extension_name(kind: Any) -> str:
    import pyarrow as pa

    return str(kind.extension_name) if isinstance(kind, pa.BaseExtensionType) else ""


def _is_runs(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_run_end_encoded(kind))
