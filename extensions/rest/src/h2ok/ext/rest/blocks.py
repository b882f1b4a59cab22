"""Blocks of a frame as exports read them: runs of rows on this node."""

from __future__ import annotations

from h2ok.kernel import Block, Frame, Node, Vec

__all__ = ["is_whole", "read_block"]


def read_block(node: Node, frame: Frame, index: int) -> Block:
    """One run of rows of a frame on this node."""
    start, stop = int(frame.espc[index]), int(frame.espc[index + 1])
    return Block(node, index, start, stop - start if frame.vecs else 0, frame.vecs, {})


def is_whole(node: Node, vec: Vec) -> bool:
    """Whether a numeric column holds whole numbers only, all of which 64 bits can hold."""
    return vec.type == "numeric" and bool(node.rollups(vec).is_int64)
