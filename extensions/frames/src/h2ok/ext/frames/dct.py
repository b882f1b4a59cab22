"""DCTTransformer: the orthonormal cosine transform of each row, seen as a block of height by width by depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.frames.schemas import DCTTransformerV3
from h2ok.kernel import Block, Frame, IllegalArgumentError, JobContext, MRTask, OutputSpec, given_key, wire_type
from numpy.typing import NDArray

__all__ = ["cosine_matrix", "transform"]

_MAX_COLUMNS = 100_000


@wire_type("frames.dct")
@dataclass(frozen=True)
class _Transform(MRTask):
    dimensions: tuple[int, ...]
    inverse: bool

    def map(self, block: Block) -> None:
        data = block.matrix().reshape(block.n_rows, *self.dimensions)
        for axis, n in enumerate(self.dimensions, 1):
            if n > 1:
                matrix = cosine_matrix(n)
                data = np.moveaxis(np.moveaxis(data, axis, -1) @ (matrix if self.inverse else matrix.T), -1, axis)
        out = data.reshape(block.n_rows, -1)
        for j in range(out.shape[1]):
            block.write(j, np.ascontiguousarray(out[:, j]))


def cosine_matrix(n: int) -> NDArray[np.float64]:
    """float64[n, n] of the orthonormal DCT-II; its transpose is the inverse (Ahmed, Natarajan, Rao 1974)."""
    k, i = np.arange(n)[:, None], np.arange(n)[None, :]
    out: NDArray[np.float64] = np.sqrt(2 / n) * np.cos(np.pi * (2 * i + 1) * k / (2 * n))
    out[0] /= np.sqrt(2)
    return out


def transform(ctx: RequestContext, request: DCTTransformerV3) -> JobV3:
    """POST /99/DCTTransformer: the columns are replaced by their coefficients in a new frame."""
    if not request.dataset:
        raise IllegalArgumentError("dataset is not specified.", argument="dataset")
    frame = ctx.node.frames.get(request.dataset)
    dimensions = tuple(request.dimensions or ())
    if len(dimensions) != 3 or min(dimensions) < 1:
        raise IllegalArgumentError(
            f"dimensions must be three whole numbers from 1: height, width, depth; got {list(dimensions)}.", argument="dimensions"
        )
    if int(np.prod(dimensions)) != frame.n_cols or frame.n_cols > _MAX_COLUMNS:
        raise IllegalArgumentError(
            f"The product of dimensions {list(dimensions)} must be the number of columns of '{frame.key}' ({frame.n_cols}).",
            argument="dimensions",
        )
    wrong = [n for n, v in zip(frame.names, frame.vecs, strict=True) if v.type != "numeric"]
    if wrong:
        raise IllegalArgumentError(f"The cosine transform needs numeric columns; '{wrong[0]}' is none.", argument="dataset")
    dest = given_key(request.destination_frame) if request.destination_frame else f"{frame.key}.dct"
    names = tuple(f"C{j + 1}" for j in range(frame.n_cols))

    def work(job: JobContext) -> None:
        task = _Transform(dimensions, bool(request.inverse))
        vecs = job.node.tasks.do_all(task, frame, [OutputSpec()] * frame.n_cols, cancelled=job.cancelled).vecs
        job.node.frames.put(Frame(dest, names, vecs))

    return JobV3.of(ctx.node.jobs.start("DCTTransformer", dest, "Frame", work))
