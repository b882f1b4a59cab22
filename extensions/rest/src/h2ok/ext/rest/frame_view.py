"""Frame view: a window of a frame as FrameV3, with statistics, histograms and tables of its chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.capabilities.contracts.schema import key_ref
from h2ok.ext.rest.cells import read_cells
from h2ok.ext.rest.chunk_tables import chunk_tables, frame_bytes
from h2ok.ext.rest.histograms import DEFAULT_PERCENTILES, histogram, percentiles
from h2ok.ext.rest.schemas.frames import ColV3, FrameSynopsisV3, FrameV3
from h2ok.kernel import Frame, IllegalArgumentError, Node, RollupStats, Vec
from h2ok.kernel.frame.rollups import rollups_many

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Window", "frame_json", "synopsis"]

_DEFAULT_ROWS = 100
_MAX_CELLS = 20_000_000


@dataclass(frozen=True, slots=True)
class Window:
    """Rows and columns asked for; -1 for "as many as there are" (rows: one hundred)."""

    row_offset: int = 0
    row_count: int = -1
    column_offset: int = 0
    column_count: int = -1
    full_column_count: int = -1

    def rows(self, frame: Frame) -> tuple[int, int]:
        """First row and number of rows inside the frame.

        Raises
        ------
        IllegalArgumentError
            The offset lies outside.
        """
        offset = _offset("row_offset", self.row_offset, frame.n_rows)
        wanted = _DEFAULT_ROWS if self.row_count < 0 else self.row_count
        return offset, min(wanted, frame.n_rows - offset)

    def columns(self, frame: Frame) -> tuple[int, int, int]:
        """First column, number of columns, and how many of them carry data."""
        offset = _offset("column_offset", self.column_offset, frame.n_cols)
        count = frame.n_cols - offset if self.column_count < 0 else min(self.column_count, frame.n_cols - offset)
        return offset, count, count if self.full_column_count < 0 else min(self.full_column_count, count)


def _offset(name: str, value: int, size: int) -> int:
    if not 0 <= value <= size:
        raise IllegalArgumentError(f"{name} must be from 0 to {size}; got {value}.", argument=name, value=str(value))
    return value


def frame_json(node: Node, frame: Frame, window: Window, *, light: bool = False, summary: bool = False) -> FrameV3:
    """FrameV3 of a window. ``light``: without sizes, checksum and tables; ``summary``: with histograms and percentiles."""
    row_offset, row_count = window.rows(frame)
    column_offset, column_count, full = window.columns(frame)
    if row_count * full > _MAX_CELLS:
        raise IllegalArgumentError(
            f"{row_count} rows by {full} columns are more cells than one answer may hold ({_MAX_CELLS}). "
            "Ask for fewer rows, or use GET /3/DownloadDataset.",
            argument="row_count",
        )
    span = range(column_offset, column_offset + column_count)
    # PERF: one task for the statistics of all columns; one task a column costs 0.3 ms each.
    stats = rollups_many(node, [frame.vecs[j] for j in span] if light else frame.vecs)
    shown = stats if light else stats[column_offset : column_offset + column_count]
    cells: list[Any] = [
        *read_cells(node, [frame.vecs[j] for j in span[:full]], row_offset, row_count),
        *[None] * (len(span) - full),
    ]
    columns = [column_json(node, frame.names[j], frame.vecs[j], s, c, summary) for j, s, c in zip(span, shown, cells, strict=True)]
    chunks, nodes = (None, None) if light else chunk_tables(node, frame)
    return FrameV3(
        frame_id=key_ref("Frame", frame.key),
        byte_size=0 if light else sum(s.nbytes for s in stats),
        row_offset=row_offset,
        row_count=row_count,
        column_offset=column_offset,
        column_count=column_count,
        full_column_count=full,
        total_column_count=frame.n_cols,
        checksum=0 if light else _checksum(frame, stats),
        rows=frame.n_rows,
        num_columns=frame.n_cols,
        default_percentiles=list(DEFAULT_PERCENTILES),
        columns=columns,
        chunk_summary=chunks,
        distribution_summary=nodes,
    )


def column_json(node: Node, name: str, vec: Vec, stats: RollupStats, cells: list[Any] | None, summary: bool) -> ColV3:
    """ColV3 of one column; ``cells``: the rows to show, None for a column without."""
    text = vec.type in ("string", "uuid")
    # H2O: an enum has no mean, its extremes are those of the level indexes.
    mean, sigma = (float("nan"),) * 2 if vec.is_enum else (stats.mean, stats.sigma)
    column = ColV3(
        label=name,
        missing_count=stats.na_count,
        zero_count=stats.zero_count,
        positive_infinity_count=stats.pinf_count,
        negative_infinity_count=stats.ninf_count,
        mins=_five(stats.mins),
        maxs=_five(stats.maxs),
        mean=mean,
        sigma=sigma,
        type=_type_name(vec, stats),
        domain=list(vec.domain) if vec.domain is not None else None,
        domain_cardinality=vec.cardinality,
        precision=0 if vec.type == "numeric" and not stats.is_int else -1,
    )
    if cells is not None:
        if text:
            column.string_data = cells
        else:
            column.data = cells
    if summary and not text:
        h = histogram(node, vec, stats)
        if h is not None:
            column.histogram_bins, column.histogram_base, column.histogram_stride = h.counts, h.base, h.stride
            column.percentiles = percentiles(node, vec, stats)
    return column


def synopsis(node: Node, frames: Sequence[Frame]) -> list[FrameSynopsisV3]:
    """Short descriptions of frames; their sizes are found in one pass over the cloud."""
    sizes = frame_bytes(node, frames)
    return [
        FrameSynopsisV3(frame_id=key_ref("Frame", f.key), byte_size=size, rows=f.n_rows, columns=f.n_cols)
        for f, size in zip(frames, sizes, strict=True)
    ]


def _checksum(frame: Frame, stats: Sequence[RollupStats]) -> int:
    """A number that changes with names, types or data of the frame: signed 64 bits."""
    total = 0
    for name, column in zip(frame.names, stats, strict=True):
        total = (total * 31 + column.checksum) & (2**64 - 1)
        total ^= int.from_bytes(name.encode("utf-8", "surrogatepass")[:8].ljust(8, b"\0"), "little")
    return total - 2**64 if total >= 2**63 else total


def _type_name(vec: Vec, stats: RollupStats) -> str:
    if vec.type == "numeric":
        return "int" if stats.is_int and not vec.real else "real"
    return vec.type


def _five(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    return [*values.tolist(), *([float("nan")] * (5 - len(values)))]
