"""SplitFrame: consecutive parts of a frame by ratios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.contracts.schema import key_ref
from h2ok.ext.frames.schemas import SplitFrameV3
from h2ok.kernel import Block, Frame, IllegalArgumentError, JobContext, MRTask, OutputSpec, Vec, even_espc, given_key, wire_type
from h2ok.kernel.frame.rechunk import read_rows

__all__ = ["bounds_of", "split_frame"]


@wire_type("frames.rows")
@dataclass(frozen=True)
class _Rows(MRTask):
    """Rows from ``first`` on of some vecs."""

    source: tuple[Vec, ...]
    first: int

    def map(self, block: Block) -> None:
        start = self.first + block.start
        for j, vec in enumerate(self.source):
            block.write(j, read_rows(block.node, vec, start, start + block.n_rows))


def split_frame(ctx: RequestContext, request: SplitFrameV3) -> SplitFrameV3:
    """POST /3/SplitFrame."""
    if not request.dataset:
        raise IllegalArgumentError("dataset is not specified.", argument="dataset")
    frame = ctx.node.frames.get(request.dataset)
    bounds = bounds_of(frame.n_rows, request.ratios or [])
    keys = [given_key(k, "destination_frames") for k in request.destination_frames or []]
    keys = keys or [f"{frame.key}_part{i}" for i in range(len(bounds) - 1)]
    if len(keys) != len(bounds) - 1:
        raise BadRequestError(f"{len(bounds) - 1} parts need as many destination_frames; got {len(keys)}.")

    def work(job: JobContext) -> None:
        specs = [OutputSpec(v.type, v.domain) for v in frame.vecs]
        for i, key in enumerate(keys):
            job.update(i / len(keys))
            espc = even_espc(int(bounds[i + 1] - bounds[i]))
            vecs = job.node.tasks.run(_Rows(frame.vecs, int(bounds[i])), (), espc, specs, cancelled=job.cancelled).vecs
            job.node.frames.put(Frame(key, frame.names, vecs))

    job = ctx.node.jobs.start("SplitFrame", keys[0], "Frame", work)
    return SplitFrameV3(key=key_ref("Job", job.key), destination_frames=[key_ref("Frame", k) for k in keys])


def bounds_of(n_rows: int, ratios: list[float]) -> list[int]:
    """First row of each part and the end; the last part takes what the ratios leave.

    Raises
    ------
    BadRequestError
        A ratio is not between 0 and 1, or they add up to more than 1.
    """
    if not ratios or any(not 0 < r < 1 for r in ratios):
        raise BadRequestError(f"ratios must lie between 0 and 1; got {ratios}.")
    if sum(ratios) > 1 + 1e-9:
        raise BadRequestError(f"ratios must add up to at most 1; they make {sum(ratios):g}.")
    cuts = np.minimum(np.floor(np.cumsum(ratios) * n_rows + 1e-9).astype(np.int64), n_rows).tolist()
    full = abs(sum(ratios) - 1) < 1e-9
    return [0, *(cuts[:-1] if full else cuts), n_rows]
