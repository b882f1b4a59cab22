"""Chunk tables: how the chunks of a frame are encoded and spread over the nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.kernel import Block, Chunk, Frame, MRTask, Node, wire_type

__all__ = ["chunk_tables", "frame_bytes", "size_text"]

_CHUNK_COLUMNS = (
    Column("chunk_type", "string", "%8s", "Chunk Type"),
    Column("chunk_name", "string", "%s", "Chunk Name"),
    Column("count", "int", "%10d", "Count"),
    Column("count_percentage", "float", "%10.3f %%", "Count Percentage"),
    Column("size", "string", "%10s", "Size"),
    Column("size_percentage", "float", "%10.3f %%", "Size Percentage"),
)
_NODE_COLUMNS = (
    Column("", "string", "%s", ""),
    Column("size", "string", "%s", "Size"),
    Column("number_of_rows", "float", "%f", "Number of Rows"),
    Column("number_of_chunks_per_column", "float", "%f", "Number of Chunks per Column"),
    Column("number_of_chunks", "float", "%f", "Number of Chunks"),
)


@wire_type("rest.chunk_census")
@dataclass(frozen=True)
class _ChunkCensus(MRTask):
    """Partial: {"codec:<name>": (chunks, bytes), "node:<ip:port>": (bytes, rows, chunk rows, chunks)}, added up."""

    def map(self, block: Block) -> dict[str, tuple[int, ...]]:
        out: dict[str, tuple[int, ...]] = {}
        total = 0
        for j in range(len(block.vecs)):
            chunk = block.chunk(j)
            key = f"codec:{chunk.codec}"
            count, size = out.get(key, (0, 0))
            out[key] = (count + 1, size + chunk.nbytes)
            total += chunk.nbytes
        out[f"node:{block.node.cloud.me.name}"] = (total, block.n_rows, 1, len(block.vecs))
        return out


@wire_type("rest.frame_bytes")
@dataclass(frozen=True)
class _FrameBytes(MRTask):
    def map(self, block: Block) -> int:
        return sum(block.chunk(j).nbytes for j in range(len(block.vecs)))


def frame_bytes(node: Node, frames: Sequence[Frame]) -> list[int]:
    """Bytes of the encoded chunks of each frame; 0 for one that was removed meanwhile."""
    out = []
    for frame in frames:
        try:
            out.append(int(node.tasks.do_all(_FrameBytes(), list(frame.vecs)).value or 0) if frame.vecs else 0)
        except LookupError:
            out.append(0)
    return out


def chunk_tables(node: Node, frame: Frame) -> tuple[dict[str, Any], dict[str, Any]]:
    """(chunk summary, distribution summary) as TwoDimTableV3."""
    census: dict[str, tuple[int, ...]] = node.tasks.do_all(_ChunkCensus(), list(frame.vecs)).value if frame.vecs else {}
    codecs = {k[6:]: v for k, v in sorted(census.items()) if k.startswith("codec:")}
    chunks = sum(c for c, _ in codecs.values()) or 1
    size = sum(b for _, b in codecs.values()) or 1
    helps = codec_helps()
    rows = [
        (name, helps.get(name, name), count, 100.0 * count / chunks, size_text(nbytes), 100.0 * nbytes / size)
        for name, (count, nbytes) in codecs.items()
    ]
    summary = TwoDimTable.of_rows("Chunk compression summary", "", _CHUNK_COLUMNS, rows)
    members = [census.get(f"node:{m.name}", (0, 0, 0, 0)) for m in node.cloud.members]
    return summary.to_json(), _distribution([m.name for m in node.cloud.members], members).to_json()


def _distribution(names: list[str], members: list[tuple[int, ...]]) -> TwoDimTable:
    columns = list(zip(*members, strict=True))
    mean = [sum(c) / len(c) for c in columns]
    deviation = [math.sqrt(sum((v - m) ** 2 for v in c) / len(c)) for c, m in zip(columns, mean, strict=True)]
    rows: list[tuple[str, Sequence[float]]] = [
        *zip(names, members, strict=True),
        ("mean", mean),
        ("min", [float(min(c)) for c in columns]),
        ("max", [float(max(c)) for c in columns]),
        ("stddev", deviation),
        ("total", [sum(c) for c in columns]),
    ]
    cells = [(name, size_text(int(v[0])), *v[1:]) for name, v in rows]
    return TwoDimTable.of_rows("Frame distribution summary", "", _NODE_COLUMNS, cells)


def size_text(nbytes: int) -> str:
    """Bytes for people, ten characters wide: ``    4.3 KB``."""
    if nbytes < 1024:
        return f"{nbytes:>7}  B"
    value = float(nbytes)
    for unit in ("KB", "MB", "GB", "TB"):
        value /= 1024
        if value < 1024 or unit == "TB":
            return f"{value:>7.1f} {unit}"
    raise AssertionError("unreachable")


def codec_helps() -> dict[str, str]:
    """What each codec holds, in words."""
    out: dict[str, str] = {}
    classes: list[type[Any]] = [Chunk]
    while classes:
        cls = classes.pop()
        classes += cls.__subclasses__()
        codec = cls.__dict__.get("codec")
        if isinstance(codec, str):
            out[codec] = str(cls.__dict__.get("codec_help", codec))
    return out
