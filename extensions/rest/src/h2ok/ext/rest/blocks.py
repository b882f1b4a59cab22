"""Blocks of a frame as exports read them: runs of rows on this node."""

from __future__ import annotations

from h2ok.kernel import Block, Frame, Node

__all__ = ["read_block"]


def read_block(node: Node, frame: Frame, index: int) -> Block:
    """One run of rows of a frame on this node."""
    start, stop = int(frame.espc[index]), int(frame.espc[index + 1])
    return Block(node, index, start, stop - start if frame.vecs else 0, frame.vecs, {})
