"""ParseSetup and Parse: the two steps between raw files and a frame."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.parser import ParseSetup
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.contracts.schema import key_ref
from h2ok.ext.parsers.columns import runtime_of
from h2ok.ext.parsers.compression import sample_bytes
from h2ok.ext.parsers.csv.guess import canonical_type, guess_csv
from h2ok.ext.parsers.forced import StoresKinds, force_kinds, kind_of_type, kinds_by_name
from h2ok.ext.parsers.guess import SAMPLE_BYTES, GuessParser, ReadsOwnSchema, sample_of
from h2ok.ext.parsers.raw import RawFile, remove_raw, require_raw
from h2ok.ext.parsers.schemas import ParseSetupV3, ParseSVMLightV3, ParseV3
from h2ok.ext.parsers.svmlight import SvmLightParser
from h2ok.kernel import (
    ClassMismatchError,
    Frame,
    IllegalArgumentError,
    JobContext,
    KeyNotFoundError,
    given_key,
    sanitize,
    wire_type,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["parse", "parse_setup", "parse_svmlight"]

_SETUP_FIELDS = (
    "parse_type", "separator", "single_quotes", "check_header", "number_columns", "escapechar", "custom_non_data_line_markers",
    "force_col_types", "tz_adjust_to_local",
)  # fmt: skip
#: Files whose cells are looked at for guessing types.
_MAX_GUESSED_FILES = 20
_EXTENSIONS = re.compile(r"\.(csv|txt|tsv|gz|zip|bz2|xz|zst|data|arff|svm|svmlight|xls|xlsx|avro|parquet|orc)$", re.IGNORECASE)


def parse_setup(ctx: RequestContext, request: ParseSetupV3) -> ParseSetupV3:
    """POST /3/ParseSetup."""
    raws = _sources(ctx, request.source_frames)
    given = _setup_of(request)
    guesser = ctx.runtime.service(GuessParser)
    parser = guesser if given.parse_type.upper() == "GUESS" else guesser.parser(given.parse_type)
    full = [r for r in raws if r.size > 0]
    if not full:
        raise IllegalArgumentError(f"Source '{raws[0].key}' is empty; there is nothing to parse.")
    raw = full[0]
    found = parser.guess(sample_of(ctx.runtime, raw), given, raw.name or raw.uri)
    if found is not None and found.parse_type == "CSV" and len(full) > 1:
        found = _with_more_files(ctx, full, given, found)
    if found is None:
        raise guesser.unknown(raw)
    chosen = guesser.parser(found.parse_type)
    if isinstance(chosen, ReadsOwnSchema):
        found = chosen.complete(raw, found)
    _fill(request, found)
    request.source_frames = [key_ref("Frame", r.key) for r in raws]
    request.destination_frame = _destination(ctx, raws[0])
    return request


def _with_more_files(ctx: RequestContext, raws: Sequence[RawFile], given: ParseSetup, first: ParseSetup) -> ParseSetup | None:
    """The setup of several CSV files: the cells of the further ones count for the types.

    Raises
    ------
    IllegalArgumentError
        A file has another number of columns or another header.
    """
    samples = [sample_bytes(ctx.runtime, r, SAMPLE_BYTES) for r in raws[:_MAX_GUESSED_FILES]]
    for raw, sample in zip(raws[1:], samples[1:], strict=False):
        other = guess_csv(sample, replace(given, separator=first.separator, column_names=None))
        if other is None:
            continue
        if other.number_columns != first.number_columns and given.check_header >= 0 and not given.column_names:
            raise IllegalArgumentError(
                f"'{raw.key}' has {other.number_columns} columns, '{raws[0].key}' has {first.number_columns}. "
                "Import files of different layout one by one."
            )
        if other.check_header == 1 == first.check_header and not given.column_names and other.column_names != first.column_names:
            raise IllegalArgumentError(
                f"The header of '{raw.key}' differs from that of '{raws[0].key}'. Import files of different layout one by one."
            )
    return guess_csv(samples[0], given, samples[1:])


@wire_type("parse.plan")
@dataclass(frozen=True, slots=True)
class ParsePlan:
    """A parse as a value: another node begins it again when the one that ran it is lost."""

    keys: tuple[str, ...]
    setup: ParseSetup
    dest: str
    delete: bool
    #: With ``force_col_types``: what the user said of the columns, see ``forced``.
    kinds: tuple[str, ...] = ()

    def run(self, job: JobContext) -> None:
        """Parse; the sources are removed also after a failure, for nobody looks after them any more."""
        parser = runtime_of(job.node).service(GuessParser).parser(self.setup.parse_type)
        if self.delete and not all(job.node.dkv.get_many(self.keys).values()) and isinstance(job.node.dkv.get(self.dest), Frame):
            return  # the node that was lost had finished, and removed the first sources
        try:
            frame = parser.parse(job, list(self.keys), self.setup, self.dest)
            if self.setup.force_col_types:
                stored = parser.stored_kinds(require_raw(job.node, self.keys[0])) if isinstance(parser, StoresKinds) else []
                force_kinds(job, frame, kinds_by_name(frame, self.setup, self.kinds, stored))
        finally:
            if self.delete:
                for key in self.keys:
                    remove_raw(job.node, key)


def parse(ctx: RequestContext, request: ParseV3) -> ParseV3:
    """POST /3/Parse."""
    if request.decrypt_tool:
        raise IllegalArgumentError(
            "Decryption tools are not supported; decrypt the file before importing it.", argument="decrypt_tool"
        )
    raws = _sources(ctx, request.source_frames, parsing=True)
    setup = _setup_of(request)
    dest = given_key(request.destination_frame)
    held = ctx.node.dkv.get(dest)
    if held is not None and not isinstance(held, Frame):
        raise ClassMismatchError(f"Key '{dest}' holds a {type(held).__name__}; choose another destination_frame.", key=dest)
    keys = [r.key for r in raws]
    delete = bool(request.delete_on_done)
    kinds = tuple(map(kind_of_type, request.column_types or ()))

    ctx.runtime.service(GuessParser).parser(setup.parse_type).check(setup)
    job = ctx.node.jobs.start("Parse", dest, "Frame", ParsePlan(tuple(keys), setup, dest, delete, kinds))
    if request.blocking:
        job = ctx.node.jobs.wait(job.key)
        request.rows = ctx.node.frames.get(dest).n_rows if job.status == "DONE" else 0
    request.job = JobV3.of(job)
    request.destination_frame = key_ref("Frame", dest)  # type: ignore[assignment]
    request.source_frames = [key_ref("Frame", k) for k in keys]
    return request


def _sources(ctx: RequestContext, keys: Sequence[str] | None, *, parsing: bool = False) -> list[RawFile]:
    if not keys:
        raise IllegalArgumentError("No source_frames were given. Import or upload a file first.", argument="source_frames")
    try:
        return [require_raw(ctx.node, k) for k in keys]
    except KeyNotFoundError as e:
        if parsing:
            # H2O: a missing source of Parse is a bad argument (412), of ParseSetup a missing key (404).
            raise IllegalArgumentError(f"Data to parse is missing: {e}") from e
        raise


def _setup_of(request: ParseSetupV3 | ParseV3) -> ParseSetup:
    values = {f: getattr(request, f) for f in _SETUP_FIELDS if getattr(request, f) is not None}
    types = None
    if request.column_types:
        types = tuple(_type(t, i) for i, t in enumerate(request.column_types))
    na = None
    if request.na_strings:
        na = tuple(None if v is None else tuple(t for t in v if t is not None) for v in request.na_strings)
    names = tuple(n or f"C{i + 1}" for i, n in enumerate(request.column_names)) if request.column_names else None
    domains = getattr(request, "domains", None)
    return ParseSetup(
        **values,
        column_types=types,
        column_names=names,
        na_strings=na,
        skipped_columns=tuple(request.skipped_columns or ()),
        domains=tuple(None if d is None else tuple(d) for d in domains) if domains else None,
        chunk_size=request.chunk_size or 4_194_304,
        partition_by=tuple(request.partition_by) if request.partition_by else None,
    )


def _type(name: str | None, column: int) -> str:
    if name is None:
        return "Unknown"
    found = canonical_type(name)
    if found is None:
        raise IllegalArgumentError(
            f"Unknown column type '{name}' for column {column + 1}. Known: Numeric, Enum, Time, String, UUID, Unknown.",
            argument="column_types",
        )
    return found


def _fill(request: ParseSetupV3, found: ParseSetup) -> None:
    for f in _SETUP_FIELDS:
        setattr(request, f, getattr(found, f))
    request.column_names = list(found.column_names) if found.column_names else None  # type: ignore[assignment]
    request.column_types = list(found.column_types or ())
    request.na_strings = [None if v is None else list(v) for v in found.na_strings] if found.na_strings else None  # type: ignore[assignment, misc]
    request.skipped_columns = list(found.skipped_columns) or None  # type: ignore[assignment]
    request.data = [list(r) for r in found.data]
    request.warnings = list(found.warnings) or None  # type: ignore[assignment]
    request.chunk_size = found.chunk_size
    request.partition_by = list(found.partition_by) if found.partition_by else None  # type: ignore[assignment]
    request.total_filtered_column_count = found.number_columns


def _destination(ctx: RequestContext, raw: RawFile) -> str:
    """A key nothing holds yet: the file's name, numbered if need be, with ``.hex``; of an upload its key with H2O's prefix."""
    if raw.n_blocks:
        return f"Key_Frame__{sanitize(raw.key)}.hex"
    stem = raw.name or raw.uri.rsplit("/", 1)[-1]
    while (shorter := _EXTENSIONS.sub("", stem)) != stem:
        stem = shorter
    name = re.sub(r"[^A-Za-z0-9_.]", "_", stem)
    name = f"X{name}" if name[:1].isdigit() else name
    key, number = f"{name}.hex", 0
    while ctx.node.dkv.get(key) is not None:
        number += 1
        key = f"{name}{number}.hex"
    return key


def parse_svmlight(ctx: RequestContext, request: ParseSVMLightV3) -> JobV3:
    """POST /3/ParseSVMLight: sparse text in one step."""
    raws = _sources(ctx, request.source_frames, parsing=True)
    dest = given_key(request.destination_frame) if request.destination_frame else _destination(ctx, raws[0])
    keys = [r.key for r in raws]
    parser = ctx.runtime.service(SvmLightParser)

    def work(job: JobContext) -> None:
        try:
            parser.parse(job, keys, ParseSetup(parse_type=parser.name), dest)
        finally:
            for key in keys:
                remove_raw(job.node, key)

    return JobV3.of(ctx.node.jobs.start("ParseSVMLight", dest, "Frame", work))
