"""MissingInserter: turns a share of a frame's cells into missing values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.frames.schemas import MissingInserterV3
from h2ok.kernel import NA_INT64, Block, Frame, JobContext, MRTask, OutputSpec, new_seed, uniforms, wire_type
from h2ok.kernel.frame.longs import with_value

__all__ = ["insert_missing"]


@wire_type("frames.insert_missing")
@dataclass(frozen=True)
class _InsertMissing(MRTask):
    fraction: float
    seed: int

    def map(self, block: Block) -> None:
        for j, vec in enumerate(block.vecs):
            gone = uniforms(self.seed, j, block.start, block.n_rows) < self.fraction
            if not gone.any():
                block.write(j, block.chunk(j))
            elif vec.type in ("string", "uuid"):
                block.write(j, [None if g else t for t, g in zip(block.strings(j), gone.tolist(), strict=True)])
            elif vec.type == "enum":
                block.write(j, np.where(gone, -1, block.codes(j)))
            elif vec.type == "time":
                block.write(j, np.where(gone, NA_INT64, block.chunk(j).int64()))
            else:
                block.write(j, with_value(block.exact(j), gone, np.nan))


def insert_missing(ctx: RequestContext, request: MissingInserterV3) -> JobV3:
    """POST /3/MissingInserter: the frame keeps its key, its columns are replaced. The answer comes when the job is done."""
    frame = ctx.node.frames.get(request.dataset)
    if not 0 <= request.fraction <= 1:
        raise BadRequestError(f"fraction must lie between 0 and 1; got {request.fraction:g}.")
    seed = new_seed() if request.seed == -1 else request.seed

    def work(job: JobContext) -> None:
        specs = [OutputSpec(v.type, v.domain) for v in frame.vecs]
        vecs = job.node.tasks.do_all(_InsertMissing(request.fraction, seed), frame, specs, cancelled=job.cancelled).vecs
        job.node.frames.put(Frame(frame.key, frame.names, vecs))

    job = ctx.node.jobs.start("MissingInserter", frame.key, "Frame", work)
    # H2O: the client does not poll this job, so the answer waits for it.
    return JobV3.of(ctx.node.jobs.wait(job.key))
