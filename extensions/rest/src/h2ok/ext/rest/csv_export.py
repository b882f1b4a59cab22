"""CSV export: a frame as a stream of CSV, or as files written by a job."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from h2ok.capabilities.contracts.exporter import Exporter, ExportPart
from h2ok.capabilities.contracts.extension import Exporter as ExporterItem
from h2ok.capabilities.contracts.schema import EnumValueError
from h2ok.capabilities.installing import scheme_hint
from h2ok.capabilities.registry import resolve
from h2ok.ext.rest.blocks import read_block
from h2ok.ext.rest.checksums import ChecksumWriter, checksum_name
from h2ok.ext.rest.csv_style import CsvStyle
from h2ok.ext.rest.csv_text import block_text, header_text
from h2ok.kernel import Frame, IllegalArgumentError, Node
from h2ok.kernel.frame.rollups import are_int64

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime
    from h2ok.ext.rest.schemas.frames import FramesV3
    from h2ok.kernel import JobContext

__all__ = ["CsvExporter", "ExportPlan", "csv_chunks", "exporter_of", "plan_export", "run_export"]

#: Pieces formatted ahead of the one being written.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What to write and where. ``folder``: whether ``n_parts`` files go into the folder ``path``."""

    path: str = ""
    overwrite: bool = False
    n_parts: int = 1
    folder: bool = False
    checksum: bool = False
    format: str = "csv"
    compression: str = ""
    header: bool = True
    quote_header: bool = True
    separator: str = ","
    hex_string: bool = False
    escape_quotes: bool = True

    @property
    def scheme(self) -> str:
        return self.path.partition("://")[0] if "://" in self.path else ""

    def exists(self, runtime: Runtime) -> bool:
        """Whether something is at the path already."""
        return bool(storage(runtime, self.scheme).exists(self.path))

    def style(self, node: Node, frame: Frame) -> CsvStyle:
        """How the cells of a frame are written."""
        whole = tuple(are_int64(node, frame.vecs))
        return CsvStyle(whole, self.hex_string, self.escape_quotes, self.separator, self.quote_header)


def plan_export(runtime: Runtime, frame: Frame, request: FramesV3) -> ExportPlan:
    """A plan from a request.

    Raises
    ------
    IllegalArgumentError
        Format, compression or number of parts is none that we write.
    """
    name = (request.format or "csv").lower()
    parquet = name == "parquet"
    exporter = exporter_of(runtime, name)
    compression = (request.compression or "").lower()
    allowed = ("none", *exporter.compressions)
    if compression and compression not in allowed:
        raise IllegalArgumentError(
            f"compression must be one of {', '.join(allowed)}; got '{compression}'.", argument="compression", value=compression
        )
    if parquet and request.tz_adjust_from_local:
        raise IllegalArgumentError(
            "tz_adjust_from_local is not built: times are written as UTC. Leave it out, or shift the time columns first.",
            argument="tz_adjust_from_local",
        )
    exporter.check(frame)
    parts = request.num_parts if request.num_parts is not None else 1
    if parts == 0 or parts < -1:
        raise IllegalArgumentError(f"num_parts must be -1 or at least 1; got {parts}.", argument="num_parts", value=str(parts))
    folder = exporter.folder or parts != 1
    if exporter.folder or parts == -1:
        parts = frame.n_chunks
    return ExportPlan(
        request.path,
        bool(request.force),
        min(parts, max(1, frame.n_chunks)),
        folder,
        parquet and request.write_checksum is not False,
        name,
        "" if compression == "none" else compression,
        request.header is not False,
        request.quote_header is not False,
        chr(request.separator) if request.separator else ",",
    )


def csv_chunks(node: Node, frame: Frame, plan: ExportPlan) -> Iterator[bytes]:
    """The CSV of a frame, one piece a chunk: memory stays bounded however large the frame is."""
    style = plan.style(node, frame)
    return _chunks(node, frame, plan, style, range(frame.n_chunks))


def _chunks(node: Node, frame: Frame, plan: ExportPlan, style: CsvStyle, indexes: range) -> Iterator[bytes]:
    if plan.header:
        yield header_text(frame.names, style).encode("utf-8", "surrogatepass")
    # The next piece is formatted while the one before is sent.
    with ThreadPoolExecutor(_AHEAD, thread_name_prefix=f"{node.label}-csv") as pool:
        pending: deque[Future[bytes]] = deque()
        for i in indexes:
            pending.append(pool.submit(_piece, node, frame, i, style))
            if len(pending) > _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _piece(node: Node, frame: Frame, index: int, style: CsvStyle) -> bytes:
    return block_text(read_block(node, frame, index), style)


def run_export(runtime: Runtime, job: JobContext, frame: Frame, plan: ExportPlan) -> None:
    """The work of an export job."""
    store = storage(runtime, plan.scheme)
    exporter = exporter_of(runtime, plan.format)
    options = {"plan": plan, "header": plan.header, "separator": plan.separator}
    done = 0
    for part, indexes in enumerate(_split(frame.n_chunks, plan.n_parts)):
        name = _part_name(plan, part)
        with store.create(name, overwrite=plan.overwrite) as raw:
            out: Any = ChecksumWriter(raw) if plan.checksum else raw
            done = exporter.write(job, ExportPart(frame, indexes, plan.compression, options), out, done)
            if plan.checksum:
                _write_checksums(store, name, out, overwrite=plan.overwrite)


def exporter_of(runtime: Runtime, name: str) -> Exporter:
    """The exporter of a format.

    Raises
    ------
    IllegalArgumentError
        No active extension writes it.
    """
    items = runtime.registry.provided(ExporterItem)
    for item in items:
        if item.name == name:
            found: Exporter = runtime.service(runtime.registry.load(item))
            return found
    raise EnumValueError(f"format must be one of {', '.join(i.name for i in items)}; got '{name}'.", argument="format", value=name)


class CsvExporter(Exporter):
    """Text, a cell between separators."""

    compressions = ("gzip", "bzip2", "zstd")

    def write(self, job: JobContext, part: ExportPart, out: BinaryIO, done: int) -> int:
        plan: ExportPlan = part.options["plan"]
        node, frame = self.runtime.node, part.frame
        with _compressed(out, part.compression) as packed:
            for piece in _chunks(node, frame, plan, plan.style(node, frame), part.chunks):
                packed.write(piece)
                done += 1
                job.update(min(1.0, done / (frame.n_chunks + 1)), f"Wrote {done} pieces.")
        return done


def _write_checksums(store: Any, name: str, written: ChecksumWriter, *, overwrite: bool) -> None:
    with store.create(checksum_name(name), overwrite=overwrite) as beside:
        beside.write(written.checksums())


def _split(n: int, parts: int) -> list[range]:
    return [range(n * i // parts, n * (i + 1) // parts) for i in range(parts)]


def _part_name(plan: ExportPlan, part: int) -> str:
    return f"{plan.path.rstrip('/')}/part-m-{part:05d}" if plan.folder else plan.path


def _compressed(raw: BinaryIO, kind: str) -> Any:
    """A writer that compresses into ``raw`` and leaves it open."""
    if kind == "gzip":
        import gzip

        return gzip.GzipFile(fileobj=raw, mode="wb", mtime=0)
    if kind == "bzip2":
        import bz2

        return bz2.BZ2File(raw, "wb")
    if kind == "zstd":
        import pyarrow as pa

        return pa.CompressedOutputStream(raw, "zstd")
    return _Open(raw)


class _Open:
    """A context that does not close its stream."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def __enter__(self) -> BinaryIO:
        return self._raw

    def __exit__(self, *_: object) -> None:
        return None


# -- where to ---------------------------------------------------------------------------------------------------------


class LocalFiles:
    """Files of this machine, when no storage extension serves plain paths. Stays inside ``allowed_roots``, off system folders."""

    def __init__(self, runtime: Runtime) -> None:
        self._roots = runtime.node.config.allowed_roots

    def exists(self, path: str) -> bool:
        return os.path.lexists(self._checked(path))

    def open(self, path: str) -> BinaryIO:
        return self._checked(path).open("rb")

    def create(self, path: str, *, overwrite: bool = False) -> BinaryIO:
        target = self._checked(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.open("wb" if overwrite else "xb")

    def _checked(self, path: str) -> Path:
        target = Path(path.removeprefix("file://")).expanduser().resolve()
        if self._roots:
            if not any(target.is_relative_to(Path(r).resolve()) for r in self._roots):
                raise IllegalArgumentError(f"'{path}' lies outside the allowed folders: {', '.join(self._roots)}.", argument="path")
        elif any(target.is_relative_to(r) for r in ("/proc", "/sys", "/dev", "/etc", "/boot")):
            raise IllegalArgumentError(f"'{path}' lies in a system folder; exports are not written there.", argument="path")
        return target


def storage(runtime: Runtime, scheme: str) -> Any:
    """What stores URIs of a scheme: the persist extension for it, or local files for plain paths.

    Raises
    ------
    IllegalArgumentError
        No active extension serves the scheme.
    """
    persist = runtime.registry.persist_for(scheme)
    if persist is not None:
        return runtime.service(resolve(persist.target))
    if scheme in ("", "file"):
        return runtime.service(LocalFiles)
    raise IllegalArgumentError(
        f"No active extension stores '{scheme}://' paths. {scheme_hint(scheme)} See `h2ok ext list`.",
        argument="path",
    )
