"""SVD: singular values, and both sets of singular vectors as frames."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.schema import key_ref
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.algos.pca.builder import check_count, one_step_history
from h2ok.ext.algos.pca.gram import Decomposition, ProjectionState, decompose
from h2ok.ext.algos.pca.params import SVDParametersV99
from h2ok.ext.models import ModelBuilder, Rows, RowsTask, TrainContext, Trained, TrainingData, Validation
from h2ok.kernel import Frame, OutputSpec, random_key, wire_type
from numpy.typing import NDArray

__all__ = ["SVD"]


@wire_type("svd.left_task")
@dataclass(frozen=True)
class _LeftTask(RowsTask):
    """Writes the left singular vectors: projections over singular values."""

    state: ProjectionState
    singular: NDArray[np.float64]

    def map_rows(self, rows: Rows) -> None:
        p = self.state.predict(rows)
        u = np.divide(p, self.singular, out=np.zeros_like(p), where=self.singular > 0)
        for j in range(u.shape[1]):
            rows.block.write(j, np.ascontiguousarray(u[:, j]))


class SVD(ModelBuilder):
    """Singular value decomposition."""

    algo = "svd"
    full_name = "Singular Value Decomposition"
    schema = "SVD"
    parameters = SVDParametersV99
    can_build = ("DimReduction",)
    supervised = False
    visibility = "Experimental"
    cats_first = True

    def validate(self, v: Validation, data: TrainingData | None) -> None:
        p = self.params
        assert isinstance(p, SVDParametersV99)
        if p.svd_method != "GramSVD":
            v.info("svd_method", f"svd_method {p.svd_method} is computed as GramSVD, which finds what it approximates.")
        if data is not None:
            check_count(v, "nv", p.nv, data, all_levels=p.use_all_factor_levels)

    def build(self, ctx: TrainContext) -> Trained:
        p: SVDParametersV99 = ctx.params
        begin = time.time()
        ctx.update(0.0, "Gram matrix")
        found = decompose(ctx, p.nv, p.transform, all_levels=p.use_all_factor_levels, impute=False)
        state = ProjectionState(found.info, found.vectors, impute=False, kind="SVD")
        right, left = self._store(ctx, found, state, p)
        state = replace(state, frames=tuple(k for k in (right, left) if k is not None))
        heads = [Column("", "string"), *(Column(f"sval{i + 1}", "double", "%.5f", f"sval{i + 1}") for i in range(p.nv))]
        summary = TwoDimTable.of_rows("Singular values", "", heads, [["", *found.singular.tolist()]])
        extra: dict[str, Any] = {
            "v_key": key_ref("Frame", right),
            "d": found.singular.tolist(),
            "u_key": key_ref("Frame", left),
        }
        return Trained(state, summary, one_step_history(begin), extra)

    def _store(
        self, ctx: TrainContext, found: Decomposition, state: ProjectionState, p: SVDParametersV99
    ) -> tuple[str, str | None]:
        names = [f"C{j + 1}" for j in range(p.nv)]
        right = random_key("SVDVMatrix_")
        columns = {n: np.ascontiguousarray(found.vectors[:, j]) for j, n in enumerate(names)}
        ctx.node.frames.from_columns(right, columns)
        if not p.keep_u:
            return right, None
        left = p.u_name or random_key("SVDUMatrix_")
        with ctx.node.scopes.enter():
            vecs = ctx.data.do_all(
                _LeftTask(ctx.data.spec, state, found.singular), [OutputSpec() for _ in names], ctx.cancelled
            ).vecs
            ctx.node.frames.put(Frame(left, tuple(names), vecs))
        return right, left
