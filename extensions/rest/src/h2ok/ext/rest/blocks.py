"""Blocks of a frame as exports read them: runs of rows on this node."""

from __future__ import annotations

from h2ok.kernel import Block, Frame, Node, Vec

__all__ = ["is_whole", "read_block"]

_MAX_WHOLE = 2.0**63


def read_block(node: Node, frame: Frame, index: int) -> Block:
    """One run of rows of a frame on this node."""
    start, stop = int(frame.espc[index]), int(frame.espc[index + 1])
    return Block(node, index, start, stop - start if frame.vecs else 0, frame.vecs, {})


def is_whole(node: Node, vec: Vec) -> bool:
    """Whether a numeric column holds whole numbers only, all of which 64 bits can hold."""
    if vec.type != "numeric":
        return False
    stats = node.rollups(vec)
    return bool(stats.is_int) and (not stats.n_known or max(-stats.min, stats.max) < _MAX_WHOLE)
