"""ExcelParser: the first sheet of XLS and XLSX workbooks."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.ext.parsers.columns import Columns, ReadColumns, runtime_of, write_frame
from h2ok.ext.parsers.compression import unpacked
from h2ok.ext.parsers.csv.guess import is_number, type_of_texts
from h2ok.ext.parsers.kept import kept_columns, spread_types
from h2ok.ext.parsers.partitions import Partitions, partitions_of
from h2ok.ext.parsers.raw import RawFile, require_raw
from h2ok.ext.parsers.rows import columns_of_values, text_of
from h2ok.ext.parsers.times import looks_like_time
from h2ok.kernel import Block, Frame, IllegalArgumentError, JobContext, random_key, wire_type

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["XlsParser", "XlsxParser"]

#: Sheets are read at once; larger workbooks belong into CSV or Parquet.
MAX_BYTES = 512 << 20
#: Bytes the parts of an XLSX workbook may unpack to.
_MAX_UNPACKED = 2 << 30
_PREVIEW = 10
#: Memory and time of the process that reads a workbook.
_CHILD_BYTES = 2 << 30
_CHILD_SECONDS = 300
#: What a workbook has among its members, and a text document or slides do not.
_WORKBOOK = re.compile(rb"\bxl/workbook\.|opendocument\.spreadsheet")
_EPOCH = dt.datetime(1970, 1, 1)


@wire_type("excel.read")
@dataclass(frozen=True)
class _Read(ReadColumns):
    """One workbook a block."""

    raws: tuple[RawFile, ...]
    keep: tuple[int, ...]
    types: tuple[str, ...]
    header: bool
    partitions: Partitions

    def read(self, block: Block) -> Columns:
        rows = _sheet(runtime_of(block.node), self.raws[block.index])
        body = rows[1:] if self.header else rows
        values = [[r[j] if j < len(r) else None for r in body] for j in self.keep]
        return self.partitions.extend(columns_of_values(values, self.types, len(body)), block.index)


class XlsParser(Parser):
    """Numbers, text, booleans and dates of the first sheet; empty rows are left out."""

    name = "XLS"
    magic = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        return replace(given, parse_type=self.name) if sample.startswith(self.magic) else None

    def complete(self, raw: RawFile, given: ParseSetup) -> ParseSetup:
        """Header, names and types from the cells.

        Raises
        ------
        IllegalArgumentError
            The sheet is empty.
        """
        rows = _sheet(self.runtime, raw)
        if not rows:
            raise IllegalArgumentError(f"The first sheet of '{raw.key}' is empty.")
        header = _has_header(rows, given.check_header)
        body = rows[1:] if header else rows
        n = max(len(r) for r in rows)
        types = spread_types(given, [_type_of([r[j] for r in body if j < len(r) and r[j] is not None]) for j in range(n)])
        first = [text_of(v) for v in rows[0]] if header else []
        names = tuple((first[j] if j < len(first) else None) or f"C{j + 1}" for j in range(n))
        preview = tuple(tuple(text_of(v) or "" for v in r) for r in body[:_PREVIEW])
        return replace(
            given, parse_type=self.name, separator=0, check_header=1 if header else -1, number_columns=n,
            column_types=tuple(types), column_names=given.column_names or names, data=preview,
        )  # fmt: skip

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raws = [require_raw(job.node, s) for s in sources]
        full = self.complete(raws[0], setup)
        keep, names, types = kept_columns(full, full.number_columns, raws[0].key)
        parts = partitions_of([r.uri for r in raws], setup.partition_by)
        read = _Read(random_key("parse", system=True), tuple(raws), tuple(keep), tuple(types), full.check_header == 1, parts)
        return write_frame(job, read, len(raws), [*types, *parts.types], [*names, *parts.names], dest)


class XlsxParser(XlsParser):
    """As XLS, for workbooks in the newer format."""

    name = "XLSX"
    magic = b"PK\x03\x04"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        if not sample.startswith(self.magic):
            return None
        if _WORKBOOK.search(sample) is None:
            raise IllegalArgumentError(
                f"'{source or 'The source'}' is an archive in an archive, or a document that is no workbook. Unpack it, or save it "
                "as XLSX or CSV."
            )
        return replace(given, parse_type=self.name)


def _sheet(runtime: Runtime, raw: RawFile) -> list[list[Any]]:
    """Rows of the first sheet; numbers, text, booleans, dates, None for nothing.

    Raises
    ------
    IllegalArgumentError
        The workbook is damaged or too large.
    """
    if raw.size > MAX_BYTES:
        raise IllegalArgumentError(f"'{raw.key}' has {raw.size} bytes; workbooks up to {MAX_BYTES} can be read. Save it as CSV.")
    data = unpacked(runtime, raw, MAX_BYTES)
    try:
        if data.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if sum(m.file_size for m in archive.infolist()) > _MAX_UNPACKED:
                    raise IllegalArgumentError(f"'{raw.key}' unpacks to more than {_MAX_UNPACKED} bytes. Save it as CSV.")
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as e:
        raise IllegalArgumentError(f"'{raw.key}' is no readable workbook: {e}.") from e
    command = [sys.executable, "-m", "h2ok.ext.parsers.excel_child", str(_CHILD_BYTES + 40 * raw.size)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_CHILD_SECONDS, check=False)  # noqa: S603 - our own command
    except subprocess.TimeoutExpired as e:
        raise IllegalArgumentError(f"'{raw.key}' took longer than {_CHILD_SECONDS} s to read. Save it as CSV.") from e
    if done.returncode:
        raise IllegalArgumentError(f"'{raw.key}' is a damaged workbook: its reader gave up. Save it again, or as CSV.")
    found = json.loads(done.stdout)
    if isinstance(found, dict):
        raise IllegalArgumentError(f"'{raw.key}' is no readable workbook: {found['error']}.")
    return [[_EPOCH + dt.timedelta(milliseconds=v["ms"]) if isinstance(v, dict) else v for v in r] for r in found]


def _has_header(rows: list[list[Any]], asked: int) -> bool:
    if asked != 0:
        return asked > 0
    texts = [isinstance(v, str) and not is_number(v) and not looks_like_time(v) for v in rows[0] if v is not None]
    others = [not isinstance(v, str) for r in rows[1:10] for v in r if v is not None]
    return bool(texts) and all(texts) and (any(others) or len(rows) == 1)


def _type_of(values: list[Any]) -> str:
    if not values:
        return "Numeric"
    if all(isinstance(v, (dt.date, dt.datetime)) for v in values):
        return "Time"
    numbers = sum(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    texts = [t for v in values if not isinstance(v, (int, float)) or isinstance(v, bool) if (t := text_of(v)) is not None]
    return "Numeric" if numbers >= len(texts) else type_of_texts(texts)
