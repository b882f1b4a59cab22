"""Arrow tables to columns: types, preview and values, shared by Parquet and ORC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.parsers.columns import MANY, Columns, code_type
from h2ok.ext.parsers.csv.guess import type_of_texts
from h2ok.ext.parsers.kept import kept_positions, spread_types
from h2ok.ext.parsers.times import iso_times, parse_times
from h2ok.kernel import NA_INT64, IllegalArgumentError
from h2ok.kernel.frame.newchunk import encode_int64, encode_numbers, encode_string_buffers, encode_strings, encode_uuids

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.parser import ParseSetup
    from h2ok.kernel import Chunk
    from numpy.typing import NDArray

__all__ = [
    "columns_of_table",
    "complete_setup",
    "damage_of",
    "encode_many",
    "is_text",
    "kinds_of_schema",
]

_MS_A_DAY = 86_400_000
_PREVIEW = 10


@contextmanager
def damage_of(source: str, kind: str) -> Iterator[None]:
    """Whatever the reader of a format raises about the bytes of ``source`` becomes an error of the user's kind.

    Raises
    ------
    IllegalArgumentError
        The reader raised.
    """
    import pyarrow as pa

    # Names are decoded by Python, and a damaged length may ask for any amount.
    bytes_errors = pa.ArrowException, OSError, ValueError, NotImplementedError, MemoryError, LookupError, TypeError, OverflowError
    try:
        yield
    except IllegalArgumentError:
        raise
    except bytes_errors as e:
        text = str(e).split("\n", 1)[0][:300] or type(e).__name__
        raise IllegalArgumentError(f"{source} is no readable {kind}: {text}") from e


def complete_setup(given: ParseSetup, parse_type: str, schema: Any, head: Any) -> ParseSetup:
    """The setup of a file with its own schema; ``head``: its first rows as a table or batch, None when it has none.

    Raises
    ------
    IllegalArgumentError
        A column that is not skipped is nested.
    """
    keep = set(kept_positions(given, len(schema)))
    found = [
        _type_of(schema.field(j), None if head is None else head.column(j)) if j in keep else "Bad" for j in range(len(schema))
    ]
    types = spread_types(given, found)
    rows = [] if head is None else head.slice(0, _PREVIEW).to_pylist()
    preview = tuple(tuple("" if v is None else str(v) for v in r.values()) for r in rows)
    return replace(
        given, parse_type=parse_type, separator=0, check_header=-1, number_columns=len(schema), column_types=tuple(types),
        column_names=given.column_names or tuple(schema.names), data=preview,
    )  # fmt: skip


def columns_of_table(table: Any, names: Sequence[str], types: Sequence[str]) -> Columns:
    """The named columns of a table as values of the given types of ParseSetup."""
    out = Columns(table.num_rows, [], [], [])
    for name, kind in zip(names, types, strict=True):
        column = table.column(name)
        _append(out, column.combine_chunks() if hasattr(column, "combine_chunks") else column, kind)
    return out


def _type_of(field: Any, head: Any) -> str:
    import pyarrow as pa

    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    t = pa.types
    if t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind) or t.is_null(kind):
        return "Numeric"
    if t.is_timestamp(kind) or t.is_date(kind):
        return "Time"
    if t.is_boolean(kind) or is_text(kind):
        return "String" if head is None else type_of_texts(_texts(head))
    raise IllegalArgumentError(
        f"Column '{field.name}' is of type {field.type}, which cannot be a column. Skip it: skipped_columns=[...]."
    )


def kinds_of_schema(schema: Any) -> list[str]:
    """``int``, ``real`` or nothing for each column of a schema: whether it holds whole numbers, reals, or no numbers."""
    import pyarrow as pa

    t = pa.types
    return ["int" if t.is_integer(f.type) else "real" if t.is_floating(f.type) or t.is_decimal(f.type) else "" for f in schema]


def _append(out: Columns, column: Any, kind: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    chunk, codes, levels = None, None, None
    text = is_text(column.type)
    if kind == "Numeric" and not text:
        chunk = _whole_chunk(pa, column) or encode_many(_floats(pa, pc, column))
    elif kind == "Time" and not text:
        chunk = encode_int64(_milliseconds(pa, pc, column))
    elif kind == "Enum":
        encoded = column if _is_text_dictionary(pa, column) else _as_text(pa, pc, column).dictionary_encode()
        codes, levels = _codes_of(encoded).astype(code_type(len(encoded.dictionary))), encoded.dictionary.to_pylist()
    elif kind in ("Numeric", "Time") and _is_text_dictionary(pa, column):
        chunk = _parsed_levels(column, kind)
    elif kind == "String":
        chunk = _strings(_as_text(pa, pc, column))
    elif kind == "Bad":
        chunk = encode_numbers(np.full(len(column), np.nan))
    else:
        texts = _as_text(pa, pc, column).to_pylist()
        chunk = (
            encode_uuids(t if t is not None and len(t) == 36 else None for t in texts) if kind == "UUID" else _parsed(texts, kind)
        )
    out.chunks.append(chunk)
    out.codes.append(codes)
    out.levels.append(levels)


def encode_many(values: NDArray[np.float64]) -> Chunk:
    """``encode_numbers``; of many values one compiled pass finds out what they are."""
    if len(values) < MANY:
        return encode_numbers(values)
    from h2ok.kernel.frame.packing import see_numbers

    return encode_numbers(values, seen=see_numbers(values))


def _whole_chunk(pa: Any, column: Any) -> Chunk | None:
    """The chunk of many whole numbers of which none is missing; None where the encoder has to look itself."""
    if len(column) < MANY or column.null_count or not pa.types.is_integer(column.type):
        return None
    from h2ok.kernel.frame.packing import pack_whole

    return pack_whole(column.to_numpy(zero_copy_only=False))


def _codes_of(column: Any) -> NDArray[Any]:
    """Codes of a dictionary array, -1 for NA."""
    codes: NDArray[Any] = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return codes


def _parsed_levels(column: Any, kind: str) -> Chunk:
    """A chunk of numbers or times from the texts of a dictionary."""
    levels = [*column.dictionary.to_pylist(), None]
    codes = _codes_of(column)
    if kind == "Numeric":
        return encode_many(np.array([_number(t) for t in levels], dtype=np.float64)[codes])
    values = _times_of(column.dictionary, levels)
    if len(codes) < MANY:
        return encode_int64(values[codes])
    from h2ok.kernel.frame.packing import encode_picked_int64

    return encode_picked_int64(codes, values)


def _times_of(dictionary: Any, levels: list[str | None]) -> NDArray[np.int64]:
    """Times of the texts of a dictionary and what follows it; those in the most common form are read together."""
    import pyarrow as pa

    values = np.full(len(levels), NA_INT64, dtype=np.int64)
    _, offsets, data = dictionary.cast(pa.large_string()).buffers()
    if offsets is not None and data is not None and len(dictionary):
        first = np.frombuffer(offsets, dtype=np.int64)[dictionary.offset : dictionary.offset + len(dictionary) + 1]
        values[: len(dictionary)] = iso_times(first, np.frombuffer(data, dtype=np.uint8))
    rest = np.flatnonzero(values == NA_INT64)
    values[rest] = parse_times([levels[i] for i in rest.tolist()])
    return values


def _is_text_dictionary(pa: Any, column: Any) -> bool:
    """Whether the dictionary can be the levels: text, without repeats and nulls."""
    if not pa.types.is_dictionary(column.type):
        return False
    kind = column.type.value_type
    if not pa.types.is_string(kind) and not pa.types.is_large_string(kind):
        return False
    levels = column.dictionary
    return not levels.null_count and len(levels.unique()) == len(levels)


def _parsed(texts: list[str | None], kind: str) -> Any:
    if kind == "Time":
        return encode_int64(parse_times(texts))
    return encode_numbers(np.array([_number(t) for t in texts], dtype=np.float64))


def _strings(column: Any) -> Any:
    """A chunk of text from the buffers of a string array."""
    _, offsets_buffer, data_buffer = column.buffers()
    if offsets_buffer is None or data_buffer is None:
        return encode_strings(column.to_pylist())
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8)[int(offsets[0]) : int(offsets[-1])]
    missing = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
    return encode_string_buffers(offsets - offsets[0], data.copy(), missing)


def _floats(pa: Any, pc: Any, column: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_temporal(column.type):
        values = _milliseconds(pa, pc, column)
        return np.where(values == NA_INT64, np.nan, values)
    return pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def _number(text: str | None) -> float:
    try:
        return float("nan") if text is None else float(text)
    except ValueError:
        return float("nan")


def is_text(kind: Any) -> bool:
    """Whether an Arrow type, or that of a dictionary's values, is text or bytes."""
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    t = pa.types
    return bool(
        t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind) or t.is_binary(kind) or t.is_large_binary(kind)
        or t.is_binary_view(kind) or t.is_fixed_size_binary(kind)
    )  # fmt: skip


def _texts(column: Any) -> list[str]:
    values = column.to_pylist()
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values if v is not None]


def _as_text(pa: Any, pc: Any, column: Any) -> Any:
    """A large_string array. Booleans are True and False, as in H2O; bytes that are no UTF-8 are replaced."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_boolean(column.type):
        return pc.if_else(column, pa.scalar("True", pa.large_string()), pa.scalar("False", pa.large_string()))
    if pa.types.is_fixed_size_binary(column.type):
        column = pc.cast(column, pa.binary())
    try:
        return pc.cast(column, pa.large_string())
    except pa.ArrowInvalid:
        values = column.to_pylist()
        return pa.array([v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values], type=pa.large_string())


def _milliseconds(pa: Any, pc: Any, column: Any) -> Any:
    """int64 milliseconds; whole numbers are milliseconds already."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_date32(column.type):
        days = pc.cast(column, pa.int32())
        return pc.fill_null(pc.multiply(pc.cast(days, pa.int64()), _MS_A_DAY), NA_INT64).to_numpy(zero_copy_only=False)
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        values = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
        good = np.isfinite(values)
        return np.where(good, np.where(good, values, 0).astype(np.int64), NA_INT64)
    times = pc.cast(column, pa.int64()) if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type) else None
    if times is None:
        times = pc.cast(pc.cast(column, pa.timestamp("ms"), safe=False), pa.int64())
    return pc.fill_null(times, NA_INT64).to_numpy(zero_copy_only=False)
