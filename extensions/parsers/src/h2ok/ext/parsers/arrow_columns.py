"""Arrow tables to columns: types, preview and values, shared by Parquet and ORC."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.parsers.arrow_types import NUMBERS, TIMES, kind_of, kind_of_field, name_of, storage_of
from h2ok.ext.parsers.columns import MANY, Columns, code_type
from h2ok.ext.parsers.csv.guess import type_of_texts
from h2ok.ext.parsers.kept import kept_positions, spread, spread_types
from h2ok.ext.parsers.times import iso_times, parse_times
from h2ok.kernel import NA_INT64, IllegalArgumentError
from h2ok.kernel.frame.codecs import UuidChunk
from h2ok.kernel.frame.newchunk import encode_int64, encode_numbers, encode_string_buffers, encode_strings, encode_uuids
from h2ok.kernel.frame.rollups import rollups_many

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.parser import ParseSetup
    from h2ok.kernel import Chunk, Frame, Node
    from numpy.typing import NDArray

__all__ = [
    "columns_of_table",
    "complete_setup",
    "damage_of",
    "encode_many",
    "kinds_of_schema",
    "rounded",
]

_MS_A_DAY = 86_400_000
_PREVIEW = 10
_PARTS_OF_MS = {"us": 1000, "ns": 1_000_000}
#: Whole numbers up to it, and not beyond, are doubles.
_EXACT, _PAST_INT64 = 2**53, 2.0**63


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

    Columns of types that a frame has not, such as intervals, are skipped with a warning.

    Raises
    ------
    IllegalArgumentError
        A column that is not skipped is nested (H2O refuses such files, too), or nothing is left.
    """
    import pyarrow as pa

    n = len(schema)
    wanted = kept_positions(given, n)
    keep = [j for j in wanted if kind_of_field(schema.field(j))]
    left_out = [schema.field(j) for j in wanted if j not in keep]
    refused = next((f for f in left_out if pa.types.is_nested(f.type) or not keep), None)
    if refused is not None:
        raise IllegalArgumentError(
            f"Column '{refused.name}' is of type {name_of(refused)}, which cannot be a column. Skip it (skipped_columns=[...] of "
            "ParseSetup), or send the other columns with h2ok.client.from_arrow."
        )
    found = [_type_of(schema.field(j), None if head is None else head.column(j)) if j in keep else "Bad" for j in range(n)]
    first = None if head is None else head.slice(0, _PREVIEW)
    shown = [] if first is None else [_preview(first.column(j)) if j in keep else [""] * first.num_rows for j in range(n)]
    told = (f"Column '{f.name}' is left out: {name_of(f)} cannot be a column." for f in left_out)
    return replace(
        given, parse_type=parse_type, separator=0, check_header=-1, number_columns=n,
        column_types=tuple(spread_types(given, found)),
        column_names=tuple(spread(given.column_names or (), wanted, schema.names)),
        skipped_columns=tuple(sorted({*given.skipped_columns, *(j for j in wanted if j not in keep)})),
        data=tuple(zip(*shown, strict=True)), warnings=tuple(dict.fromkeys((*given.warnings, *told))),
    )  # fmt: skip


def columns_of_table(table: Any, names: Sequence[str], types: Sequence[str], coded: Container[str] = ()) -> Columns:
    """The named columns of a table as values of the given types of ParseSetup.

    The dictionaries of columns in ``coded`` are the reader's own, not declared: what no row has is no level.
    """
    out = Columns(table.num_rows, [], [], [])
    for name, kind in zip(names, types, strict=True):
        column = table.column(name)
        _append(out, column.combine_chunks() if hasattr(column, "combine_chunks") else column, kind, used=name in coded)
    return out


def rounded(node: Node, frame: Frame, columns: Sequence[str], advice: str) -> list[str]:
    """A sentence for each of some columns with whole numbers that int64 cannot hold, so that they are doubles."""
    vecs = {n: frame.vec(n) for n in columns if frame.vec(n).type == "numeric"}
    found = zip(vecs, rollups_many(node, list(vecs.values())), strict=True)
    return [
        f"Column '{n}' holds numbers beyond 64 bits, which are kept as the nearest doubles. To keep all digits {advice}."
        for n, stats in found
        if stats.n_known and not stats.is_int64 and max(-stats.min, stats.max) >= _PAST_INT64
    ]


def _type_of(field: Any, head: Any) -> str:
    import pyarrow as pa

    kind = kind_of(field.type)
    if kind in NUMBERS:
        return "Numeric"
    if kind in TIMES:
        return "Time"
    if kind == "uuid":
        return "UUID"
    # A dictionary of texts says that it is one of levels, which three rows of text do not; bool8 was not known to H2O.
    if (kind == "text" and pa.types.is_dictionary(field.type)) or (kind == "boolean" and not pa.types.is_boolean(field.type)):
        return "Enum"
    return "String" if head is None else type_of_texts(_texts(storage_of(head)))


def kinds_of_schema(schema: Any) -> list[str]:
    """``int``, ``real`` or nothing for each column of a schema: whether it holds whole numbers, reals, or no numbers."""
    told = {"whole": "int", "real": "real"}
    return [told.get(kind_of(f.type), "") for f in schema]


def _append(out: Columns, column: Any, kind: str, *, used: bool) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    chunk, codes, levels = None, None, None
    stored = kind_of(column.type)
    column = storage_of(column)
    if stored == "uuid" and kind not in ("UUID", "Bad"):
        column = pa.array(_uuids(column).strings(), pa.large_string())
    text = stored in ("text", "bytes", "uuid")
    if kind == "Numeric" and not text:
        chunk = _whole_chunk(pa, column) or _long_chunk(pa, pc, column) or encode_many(_floats(pa, pc, column))
    elif kind == "Time" and not text:
        chunk = encode_int64(_milliseconds(pa, pc, column))
    elif kind == "Enum":
        encoded = column if _is_text_dictionary(pa, column) else _as_text(pa, pc, column).dictionary_encode()
        codes, levels = _codes_of(encoded).astype(code_type(len(encoded.dictionary))), encoded.dictionary.to_pylist()
        if used:
            codes, levels = _used(codes, levels)
    elif kind in ("Numeric", "Time") and _is_text_dictionary(pa, column):
        chunk = _parsed_levels(column, kind)
    elif kind == "String":
        chunk = _strings(_as_text(pa, pc, column))
    elif kind == "Bad":
        chunk = encode_numbers(np.full(len(column), np.nan))
    elif stored == "uuid" and kind == "UUID":
        chunk = _uuids(column)
    else:
        texts = _as_text(pa, pc, column).to_pylist()
        chunk = (
            encode_uuids(t if t is not None and len(t) == 36 else None for t in texts) if kind == "UUID" else _parsed(texts, kind)
        )
    out.chunks.append(chunk)
    out.codes.append(codes)
    out.levels.append(levels)


def _used(codes: NDArray[Any], levels: list[str]) -> tuple[NDArray[Any], list[str]]:
    """Codes and levels without those that no row has: some writers keep a text for missing cells among the others."""
    met = np.flatnonzero(np.bincount(codes + 1, minlength=len(levels) + 1)[1:])
    if len(met) == len(levels):
        return codes, levels
    remap = np.full(len(levels) + 1, -1, dtype=codes.dtype)
    remap[met] = np.arange(len(met))
    return remap[codes], [levels[i] for i in met.tolist()]


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


def _long_chunk(pa: Any, pc: Any, column: Any) -> Chunk | None:
    """The chunk of whole numbers that a double would round; None where there are none, or int64 cannot hold them all."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not pa.types.is_decimal(column.type) and column.type not in (pa.int64(), pa.uint64()):
        return None
    bounds = pc.min_max(column)
    lo, hi = bounds["min"].as_py(), bounds["max"].as_py()
    if lo is None or -_EXACT <= lo <= hi <= _EXACT or not -(2**63) <= lo <= hi < 2**63:
        return None
    # The smallest int64 is a missing value, which is what NumPy and pandas mean by it where they count time.
    try:
        # Decimals with digits after the point are none.
        column = pc.cast(column, pa.int64())
    except pa.ArrowInvalid:
        return None
    return encode_int64(pc.fill_null(column, NA_INT64).to_numpy(zero_copy_only=False))


def _uuids(column: Any) -> Chunk:
    """A chunk of UUIDs from an array of their 16 bytes."""
    n, at = len(column), 2 * column.offset
    data = column.buffers()[1]
    halves = np.zeros((n, 2), dtype=np.uint64)
    na = column.is_null().to_numpy(zero_copy_only=False)
    if data is not None:
        halves[:] = np.frombuffer(data, dtype=">u8", count=at + 2 * n)[at:].reshape(n, 2)
        halves[na] = 0
    return UuidChunk(n, halves, na if na.any() else np.zeros(0, dtype=np.bool_))


def _preview(column: Any) -> list[str]:
    """Cells as text. Without pandas Arrow gives no Python values of nanoseconds; milliseconds are what is kept anyway."""
    import pyarrow as pa
    import pyarrow.compute as pc

    stored = kind_of(column.type)
    column = storage_of(column)
    if stored == "uuid":
        return [v or "" for v in _uuids(column).strings()]
    if stored == "timestamp":
        values = pa.array(_milliseconds(pa, pc, column), mask=column.is_null().to_numpy(zero_copy_only=False))
        column = pc.cast(values.view(pa.timestamp("ms")), pa.string())
    elif stored in TIMES:
        column = _as_text(pa, pc, column)
    return ["" if v is None else str(v) for v in column.to_pylist()]


def _codes_of(column: Any) -> NDArray[Any]:
    """Codes of a dictionary array, -1 for NA; writers like unsigned ones, too."""
    import pyarrow as pa

    indices = column.indices
    if pa.types.is_unsigned_integer(indices.type):
        indices = indices.cast(pa.int64())
    codes: NDArray[Any] = indices.fill_null(-1).to_numpy(zero_copy_only=False)
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
    if not pa.types.is_string(kind) and not pa.types.is_large_string(kind) and not pa.types.is_string_view(kind):
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
    """int64 milliseconds; whole numbers are milliseconds already. What is smaller is cut."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_date32(kind):
        days = pc.cast(column, pa.int32())
        return pc.fill_null(pc.multiply(pc.cast(days, pa.int64()), _MS_A_DAY), NA_INT64).to_numpy(zero_copy_only=False)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
        good = np.isfinite(values)
        return np.where(good, np.where(good, values, 0).astype(np.int64), NA_INT64)
    if pa.types.is_time32(kind):
        column = pc.cast(column, pa.int32())
    times = pc.fill_null(pc.cast(column, pa.int64()), NA_INT64).to_numpy(zero_copy_only=False)
    unit = getattr(kind, "unit", "ms")
    if unit == "ms":
        return times
    # Not Arrow's own cast: it rounds times before 1970 up, where their digits are to be cut.
    out = times * np.int64(1000) if unit == "s" else times // np.int64(_PARTS_OF_MS[unit])
    out[times == NA_INT64] = NA_INT64
    return out
