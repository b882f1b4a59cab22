"""AvroParser: object container files; runs of their blocks become blocks of the frame."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.ext.parsers.avro_fields import AvroField, fields_of
from h2ok.ext.parsers.columns import Columns, ReadColumns, runtime_of, write_frame
from h2ok.ext.parsers.compression import raw_stream
from h2ok.ext.parsers.kept import kept_columns, spread_types
from h2ok.ext.parsers.partitions import Partitions, partitions_of
from h2ok.ext.parsers.raw import RawFile, read_raw, require_raw
from h2ok.ext.parsers.rows import columns_of_values, text_of
from h2ok.kernel import Block, Frame, IllegalArgumentError, JobContext, random_key, wire_type

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["AvroParser"]

_MAGIC = b"Obj\x01"
_PREVIEW = 10


@wire_type("avro.range")
@dataclass(frozen=True, slots=True)
class _Range:
    """Whole container blocks of one file: bytes start to stop, after a header of ``header`` bytes."""

    raw: RawFile
    header: int
    start: int
    stop: int
    source: int


@wire_type("avro.read")
@dataclass(frozen=True)
class _Read(ReadColumns):
    ranges: tuple[_Range, ...]
    columns: tuple[str, ...]
    types: tuple[str, ...]
    partitions: Partitions

    def read(self, block: Block) -> Columns:
        ref = self.ranges[block.index]
        runtime = runtime_of(block.node)
        data = read_raw(runtime, ref.raw, 0, ref.header) + read_raw(runtime, ref.raw, ref.start, ref.stop - ref.start)
        rows = _records(data, ref.raw)
        values = [[row.get(name) for row in rows] for name in self.columns]
        return self.partitions.extend(columns_of_values(values, self.types, len(rows)), ref.source)


class AvroParser(Parser):
    """Numbers, booleans, text, enums, UUIDs, dates, times and unions of one of them with null. Others are left out with a word."""

    name = "AVRO"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        return replace(given, parse_type=self.name) if sample.startswith(_MAGIC) else None

    def complete(self, raw: RawFile, given: ParseSetup) -> ParseSetup:
        """Names and types from the file's own schema."""
        found = _fields(self.runtime, raw)
        fields = [f for f in found if f.type]
        rows = _head(self.runtime, raw)
        preview = tuple(tuple(text_of(r.get(f.name)) or "" for f in fields) for r in rows)
        told = tuple(f"Field '{f.name}' is left out: {f.kind} cannot be a column." for f in found if not f.type)
        return replace(
            given, parse_type=self.name, separator=0, check_header=-1, number_columns=len(fields),
            column_types=tuple(spread_types(given, [f.type for f in fields])),
            column_names=given.column_names or tuple(f.name for f in fields), data=preview,
            warnings=(*given.warnings, *(t for t in told if t not in given.warnings)),
        )  # fmt: skip

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raws = [require_raw(job.node, s) for s in sources]
        fields = [f for f in _fields(self.runtime, raws[0]) if f.type]
        own = [f.name for f in fields]
        keep, names, types = kept_columns(self.complete(raws[0], setup), len(own), raws[0].key)
        ranges = [r for i, raw in enumerate(raws) for r in _ranges(self.runtime, raw, i, max(setup.chunk_size, 4096))]
        parts = partitions_of([r.uri for r in raws], setup.partition_by)
        read = _Read(random_key("parse", system=True), tuple(ranges), tuple(own[j] for j in keep), tuple(types), parts)
        domains = [
            *(fields[j].symbols if t == "Enum" else None for j, t in zip(keep, types, strict=True)),
            *[None] * len(parts.names),
        ]
        return write_frame(job, read, len(ranges), [*types, *parts.types], [*names, *parts.names], dest, domains)


def _records(data: bytes, raw: RawFile) -> list[dict[str, Any]]:
    import fastavro

    try:
        reader = fastavro.reader(io.BytesIO(data))
        rows = [r for r in reader if isinstance(r, dict)]
    except Exception as e:  # fastavro raises whatever its decoders meet in damaged bytes
        raise IllegalArgumentError(f"'{raw.key}' is a damaged AVRO file: {e}.") from e
    return _converted(rows, fields_of(reader.writer_schema))


def _converted(rows: list[dict[str, Any]], fields: Sequence[AvroField]) -> list[dict[str, Any]]:
    """The rows, with the values that the library leaves as they are stored made what they mean."""
    for field in fields:
        if field.convert is not None:
            for row in rows:
                value = row.get(field.name)
                row[field.name] = None if value is None else field.convert(value)
    return rows


def _header(runtime: Runtime, raw: RawFile) -> tuple[Any, Any, Any]:
    """(fastavro reader, schema, stream after the header)."""
    import fastavro

    stream = io.BufferedReader(raw_stream(runtime, raw), 1 << 16)
    try:
        reader = fastavro.reader(stream)
        return reader, reader.writer_schema, stream
    except Exception as e:  # as above
        raise IllegalArgumentError(f"'{raw.key}' is no readable AVRO file: {e}.") from e


def _head(runtime: Runtime, raw: RawFile) -> list[dict[str, Any]]:
    reader, _, _ = _header(runtime, raw)
    rows: list[dict[str, Any]] = []
    try:
        for row in reader:
            rows.append(row)
            if len(rows) == _PREVIEW:
                break
    except Exception as e:  # as above
        raise IllegalArgumentError(f"'{raw.key}' is a damaged AVRO file: {e}.") from e
    return _converted(rows, fields_of(reader.writer_schema))


def _fields(runtime: Runtime, raw: RawFile) -> list[AvroField]:
    """The fields that can be columns, and those that cannot, with a reason.

    Raises
    ------
    IllegalArgumentError
        The file holds no records, or none of their fields can be a column.
    """
    _, schema, _ = _header(runtime, raw)
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise IllegalArgumentError(f"'{raw.key}' holds no AVRO records; only records can become rows.")
    found = fields_of(schema)
    if not any(f.type for f in found):
        raise IllegalArgumentError(f"'{raw.key}' has no field of a simple type; nested fields cannot be columns.")
    return found


def _ranges(runtime: Runtime, raw: RawFile, source: int, block_bytes: int) -> list[_Range]:
    """Runs of container blocks of about ``block_bytes``.

    Raises
    ------
    IllegalArgumentError
        A block ends outside the file, or lacks the mark between blocks.
    """
    reader, _, stream = _header(runtime, raw)
    mark = reader._header["sync"]
    # The header ends with the mark; what follows are blocks: count, size, bytes, mark.
    head = read_raw(runtime, raw, 0, min(raw.size, 1 << 24))
    start = at = header = head.find(mark) + len(mark)
    out = []
    while at < raw.size:
        stream.seek(at)
        try:
            _, size = _long(stream), _long(stream)
        except EOFError as e:
            raise IllegalArgumentError(f"'{raw.key}' ends in the middle of a block at byte {at}.") from e
        end = stream.tell() + size + len(mark)
        if size < 0 or end > raw.size:
            raise IllegalArgumentError(f"'{raw.key}' is damaged: the block at byte {at} ends outside the file.")
        at = end
        if at - start >= block_bytes or at >= raw.size:
            out.append(_Range(raw, header, start, at, source))
            start = at
    return out or [_Range(raw, header, header, header, source)]


def _long(stream: Any) -> int:
    """A zig-zag encoded whole number."""
    shift = value = 0
    while True:
        byte = stream.read(1)
        if not byte or shift > 63:
            raise EOFError
        value |= (byte[0] & 0x7F) << shift
        if not byte[0] & 0x80:
            return int((value >> 1) ^ -(value & 1))
        shift += 7
