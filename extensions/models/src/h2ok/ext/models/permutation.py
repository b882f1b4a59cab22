"""Permutation importance: how much worse a model gets when the values of one column are shuffled among the rows.

Breiman (2001), doi:10.1023/A:1010933404324, section 10; for any model and measure: Fisher, Rudin and Dominici (2019),
JMLR 20(177).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.models.adaptation import adapt, model_numbers
from h2ok.ext.models.metrics.measures import measure
from h2ok.ext.models.metrics.metrics import ModelMetrics
from h2ok.ext.models.model import Model
from h2ok.ext.models.scoring import training_metrics
from h2ok.ext.models.training import ModelColumns
from h2ok.kernel import Frame, Node, Vec, uniforms
from numpy.typing import NDArray

__all__ = ["METRICS", "PermutationPlan", "permutation_importance", "table_columns"]

#: What may be asked for, by H2O's name, and the measure behind it.
METRICS = {
    "AUTO": "", "AUC": "auc", "MAE": "mae", "MSE": "mse", "RMSE": "rmse", "logloss": "logloss",
    "mean_per_class_error": "mean_per_class_error", "PR_AUC": "pr_auc",
}  # fmt: skip
_SAMPLE_STREAM = 1_000_003


@dataclass(frozen=True, slots=True)
class PermutationPlan:
    """What to compute.

    Parameters
    ----------
    n_samples : rows drawn without replacement; -1 for all. n_repeats : permutations of each column.
    features : columns to permute; () for all predictors.
    """

    model: Model
    frame: Frame
    metric: str = "AUTO"
    n_samples: int = -1
    n_repeats: int = 1
    features: tuple[str, ...] = ()
    seed: int = 1


def permutation_importance(
    node: Node, plan: PermutationPlan, cancelled: Callable[[], None] | None = None
) -> tuple[list[str], NDArray[np.float64]]:
    """(names, float64[n_features, n_repeats]): how far the measure moves from that of the untouched rows, never negative.

    A draw depends on seed, column, repeat and row alone: the same on any number of nodes. The columns in question are brought to
    this node one at a time; nothing is left in the store.

    Raises
    ------
    BadRequestError
        The frame does not fit the model or has no response, a column is no predictor, or the model has no such measure.
    """
    columns = plan.model.output.columns
    if columns.response is None or plan.frame.find(columns.response) < 0:
        raise BadRequestError(
            f"Frame '{plan.frame.key}' has no response column '{columns.response}'; permutation importance needs it."
        )
    unknown = [f for f in plan.features if f not in columns.sources]
    if unknown:
        raise BadRequestError(
            f"{', '.join(unknown)} is no predictor of '{plan.model.key}'. Predictors: {', '.join(columns.sources)}."
        )
    adapt(node, columns, plan.frame, need_response=True)
    names = [n for n in plan.features or columns.sources if plan.frame.find(n) >= 0]
    made: list[Vec] = []
    try:
        work = _sampled(node, plan, made)
        name = _measure_name(plan)
        before = _value(node, plan.model, work, name)
        if np.isnan(before):
            raise _no_measure(plan, name, _metrics(node, plan.model, work))
        out = np.empty((len(names), plan.n_repeats))
        for i, feature in enumerate(names):
            for repeat in range(plan.n_repeats):
                if cancelled is not None:
                    cancelled()
                permuted = _permuted(node, work, feature, plan.seed, columns.sources.index(feature) * plan.n_repeats + repeat)
                made.append(permuted)
                vecs = tuple(permuted if n == feature else v for n, v in zip(work.names, work.vecs, strict=True))
                out[i, repeat] = abs(_value(node, plan.model, Frame(work.key, work.names, vecs), name) - before)
                node.frames.drop_chunks([made.pop()])
    finally:
        node.frames.drop_chunks(made)
    return names, out


def _measure_name(plan: PermutationPlan) -> str:
    known = {k.lower(): v for k, v in METRICS.items()}
    if plan.metric.lower() not in known:
        raise BadRequestError(f"metric must be one of {', '.join(METRICS)}; got '{plan.metric}'.")
    return known[plan.metric.lower()] or ("rmse" if plan.model.output.category == "Regression" else "logloss")


def _no_measure(plan: PermutationPlan, name: str, found: ModelMetrics | None) -> BadRequestError:
    """Why there is nothing to compare with: no row counts, or no such measure of these rows."""
    start = f"The {name} of model '{plan.model.key}' on frame '{plan.frame.key}' is no number"
    known = [k for k, v in METRICS.items() if v and not np.isnan(measure(found, v))]
    if found is None or not known:
        return BadRequestError(
            f"{start}: no row has a weight, a response that the model knows and a prediction. Fill the column "
            f"'{plan.model.output.columns.response}' or take another frame."
        )
    return BadRequestError(f"{start}; {', '.join(known)} {'are' if len(known) > 1 else 'is'}. Ask for one of these as metric.")


def _metrics(node: Node, model: Model, frame: Frame) -> ModelMetrics | None:
    data = adapt(node, model.output.columns, frame, need_response=True)
    return training_metrics(data, model.predictor, model.output.category, model.deviance, model.null_mu, 0)


def _value(node: Node, model: Model, frame: Frame, name: str) -> float:
    return measure(_metrics(node, model, frame), name)


def _sampled(node: Node, plan: PermutationPlan, made: list[Vec]) -> Frame:
    """The columns the model looks at, of the rows drawn."""
    wanted = [n for n in plan.model.output.columns.frame_names() if plan.frame.find(n) >= 0]
    frame = _with_levels(node, plan.frame.subframe(wanted, plan.frame.key), plan.model.output.columns, made)
    n = frame.n_rows
    if plan.n_samples < 0 or plan.n_samples >= n:
        return frame
    rows = np.sort(np.argsort(uniforms(plan.seed, _SAMPLE_STREAM, 0, n), kind="stable")[: plan.n_samples])
    for vec in frame.vecs:
        made.append(_vec_like(node, vec, _values(node, vec)[rows], None))
    return Frame(frame.key, frame.names, tuple(made[-frame.n_cols :]))


def _with_levels(node: Node, frame: Frame, columns: ModelColumns, made: list[Vec]) -> Frame:
    """Texts as the levels of the model, so that they can be moved about."""
    levels = columns.source_levels()
    vecs = list(frame.vecs)
    for i, (name, vec) in enumerate(zip(frame.names, frame.vecs, strict=True)):
        domain = levels.get(name)
        if vec.type == "string" and domain is not None:
            codes = np.nan_to_num(model_numbers(node, vec, domain), nan=-1).astype(np.int32)
            vecs[i] = node.frames.vec_with_espc(codes, frame.espc, "enum", domain)
            made.append(vecs[i])
    return Frame(frame.key, frame.names, tuple(vecs))


def _permuted(node: Node, frame: Frame, feature: str, seed: int, stream: int) -> Vec:
    vec = frame.vec(feature)
    order = np.argsort(uniforms(seed, stream, 0, frame.n_rows), kind="stable")
    return _vec_like(node, vec, _values(node, vec)[order], frame.espc)


def _values(node: Node, vec: Vec) -> Any:
    """Numbers or codes of a column, NA as NaN."""
    if vec.type in ("string", "uuid"):
        return np.full(len(vec), np.nan)
    return vec.to_numpy(node)


def _vec_like(node: Node, vec: Vec, values: NDArray[np.float64], espc: NDArray[np.int64] | None) -> Vec:
    kind = "numeric" if vec.type in ("string", "uuid", "bad") else vec.type
    if vec.domain is not None:
        values = np.where(np.isnan(values), -1, values).astype(np.int32)  # type: ignore[assignment]
    if espc is None:
        return node.frames.vec_of(values, kind, vec.domain)
    return node.frames.vec_with_espc(values, espc, kind, vec.domain)


def table_columns(names: Sequence[str], moved: NDArray[np.float64]) -> dict[str, Any]:
    """Columns of H2O's table: importances of one permutation, largest first, or the runs as they are."""
    if moved.shape[1] > 1:
        return {"Variable": list(names), **{f"Run {r + 1}": moved[:, r] for r in range(moved.shape[1])}}
    relative = moved[:, 0]
    order = np.argsort(-relative, kind="stable")
    relative = relative[order]
    top, total = (float(relative.max()), float(relative.sum())) if len(relative) else (0.0, 0.0)
    return {
        "Variable": [names[i] for i in order],
        "Relative Importance": relative,
        "Scaled Importance": relative / top if top else relative,
        "Percentage": relative / total if total else relative,
    }
