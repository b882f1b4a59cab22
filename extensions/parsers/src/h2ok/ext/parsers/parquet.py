"""ParquetParser: columnar files, one row group a block."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.ext.parsers.columns import Columns, ReadColumns, runtime_of, write_frame
from h2ok.ext.parsers.compression import raw_stream
from h2ok.ext.parsers.csv.guess import column_type
from h2ok.ext.parsers.csv.tokens import Token
from h2ok.ext.parsers.raw import RawFile, require_raw
from h2ok.ext.parsers.times import parse_times
from h2ok.kernel import NA_INT64, Block, Frame, IllegalArgumentError, JobContext, random_key, wire_type
from h2ok.kernel.frame.newchunk import encode_int64, encode_numbers, encode_strings

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["ParquetParser"]

_MAGIC = b"PAR1"
_PREVIEW_ROWS = 1000
_MS_A_DAY = 86_400_000


@wire_type("parquet.group")
@dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group of one file."""

    raw: RawFile
    group: int


@wire_type("parquet.read")
@dataclass(frozen=True)
class _Read(ReadColumns):
    groups: tuple[RowGroup, ...]
    columns: tuple[str, ...]
    types: tuple[str, ...]

    def read(self, block: Block) -> Columns:
        ref = self.groups[block.index]
        table = _open(runtime_of(block.node), ref.raw).read_row_group(ref.group, columns=list(self.columns), use_threads=False)
        out = Columns(table.num_rows, [], [], [])
        for name, kind in zip(self.columns, self.types, strict=True):
            _append(out, table.column(name).combine_chunks(), kind)
        return out


class ParquetParser(Parser):
    """All flat columns: numbers, decimals, booleans, dates, timestamps, text. Nested columns are refused by name."""

    name = "PARQUET"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        return replace(given, parse_type=self.name) if sample.startswith(_MAGIC) else None

    def complete(self, raw: RawFile, given: ParseSetup) -> ParseSetup:
        """Names and types from the file's own schema; text columns are looked at to tell enums from strings."""
        file = _open(self.runtime, raw)
        schema = file.schema_arrow
        head = next(file.iter_batches(_PREVIEW_ROWS), None)
        types = [_type_of(schema.field(j), None if head is None else head.column(j)) for j in range(len(schema))]
        if given.column_types:
            types = [g if g != "Unknown" else t for g, t in zip(given.column_types, types, strict=False)] + types[
                len(given.column_types) :
            ]
        rows = [] if head is None else head.slice(0, 10).to_pylist()
        preview = tuple(tuple("" if v is None else str(v) for v in r.values()) for r in rows)
        return replace(
            given, parse_type=self.name, separator=0, check_header=-1, number_columns=len(schema), column_types=tuple(types),
            column_names=given.column_names or tuple(schema.names), data=preview,
        )  # fmt: skip

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raws = [require_raw(job.node, s) for s in sources]
        groups = [RowGroup(r, g) for r in raws for g in range(_open(self.runtime, r).num_row_groups)]
        own = list(_open(self.runtime, raws[0]).schema_arrow.names)
        full = self.complete(raws[0], setup)
        skipped = set(setup.skipped_columns)
        keep = [j for j in range(len(own)) if j not in skipped]
        if not keep or not groups:
            raise IllegalArgumentError(f"'{raws[0].key}' has no columns or rows to read.")
        names, types = list(full.column_names or own), list(full.column_types or ())
        names = names if len(names) == len(keep) else [names[j] for j in keep]
        types = types if len(types) == len(keep) else [types[j] for j in keep]
        read = _Read(random_key("parse", system=True), tuple(groups), tuple(own[j] for j in keep), tuple(types))
        return write_frame(job, read, len(groups), types, names, dest)


def _open(runtime: Runtime, raw: RawFile) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(pa.PythonFile(io.BufferedReader(raw_stream(runtime, raw), 1 << 20), "r"))
    except (pa.ArrowInvalid, OSError) as e:
        raise IllegalArgumentError(f"'{raw.key}' is no readable Parquet file: {e}.") from e


def _type_of(field: Any, head: Any) -> str:
    import pyarrow as pa

    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    t = pa.types
    if t.is_integer(kind) or t.is_floating(kind) or t.is_boolean(kind) or t.is_decimal(kind) or t.is_null(kind):
        return "Numeric"
    if t.is_timestamp(kind) or t.is_date(kind):
        return "Time"
    if t.is_string(kind) or t.is_large_string(kind) or t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind):
        texts = [] if head is None else [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in head.to_pylist()]
        found = column_type([Token(v, True) for v in texts if v is not None], set())[0]
        return found if found != "Numeric" else "Enum"
    raise IllegalArgumentError(
        f"Column '{field.name}' is of type {field.type}, which cannot be a column. Skip it: skipped_columns=[...]."
    )


def _append(out: Columns, column: Any, kind: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    chunk, codes, levels = None, None, None
    if kind == "Numeric" and not _is_text(pa, column.type):
        chunk = encode_numbers(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False))
    elif kind == "Time" and not _is_text(pa, column.type):
        chunk = encode_int64(_milliseconds(pa, pc, column))
    elif kind == "Enum":
        encoded = _as_text(pa, pc, column).dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        levels = encoded.dictionary.to_pylist()
    else:
        texts = _as_text(pa, pc, column).to_pylist()
        chunk = encode_strings(texts) if kind in ("String", "UUID") else _from_texts(texts, kind)
    out.chunks.append(chunk)
    out.codes.append(codes)
    out.levels.append(levels)


def _from_texts(texts: list[str | None], kind: str) -> Any:
    if kind == "Time":
        return encode_int64(parse_times(texts))
    return encode_numbers(np.array([_number(t) for t in texts], dtype=np.float64))


def _number(text: str | None) -> float:
    try:
        return float("nan") if text is None else float(text)
    except ValueError:
        return float("nan")


def _is_text(pa: Any, kind: Any) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    t = pa.types
    return bool(
        t.is_string(kind) or t.is_large_string(kind) or t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind)
    )


def _as_text(pa: Any, pc: Any, column: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_fixed_size_binary(column.type):
        column = pc.cast(column, pa.binary())
    return pc.cast(column, pa.string())


def _milliseconds(pa: Any, pc: Any, column: Any) -> Any:
    if pa.types.is_date32(column.type):
        days = pc.cast(column, pa.int32()).to_numpy(zero_copy_only=False)
        return np.where(np.isnan(days.astype(np.float64)), NA_INT64, np.nan_to_num(days.astype(np.float64)) * _MS_A_DAY).astype(
            np.int64
        )
    values = pc.cast(pc.cast(column, pa.timestamp("ms"), safe=False), pa.int64())
    return pc.fill_null(values, NA_INT64).to_numpy(zero_copy_only=False)
