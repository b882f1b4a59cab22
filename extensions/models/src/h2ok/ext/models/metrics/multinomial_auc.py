"""AUC of several classes: each class against the rest, and each pair of classes (Hand & Till 2001, doi:10.1023/A:1010920819831)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.models.metrics.binomial import area_under_pr, area_under_roc, thresholds_of
from h2ok.ext.models.metrics.scores import Cells, cells_of
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["AUC_TYPES", "MAX_CLASSES", "ClassCells", "auc_tables", "class_cells", "wants_auc"]

AUC_TYPES = {"MACRO_OVR": "Macro OVR", "WEIGHTED_OVR": "Weighted OVR", "MACRO_OVO": "Macro OVO", "WEIGHTED_OVO": "Weighted OVO"}
#: Beyond this number of classes the pairs are too many, as in H2O.
MAX_CLASSES = 50


def wants_auc(auc_type: str, n_classes: int) -> bool:
    """Whether the tables are to be made."""
    return auc_type.upper() in AUC_TYPES and n_classes <= MAX_CLASSES


@wire_type("models.class_cells")
@dataclass(frozen=True, slots=True)
class ClassCells:
    """``rest[i]``: class i against all others by its score; ``pairs[i * k + j]``: class i against class j, None for i = j."""

    rest: tuple[Cells, ...]
    pairs: tuple[Cells | None, ...]

    def merged(self, other: ClassCells) -> ClassCells:
        """Both together."""
        return ClassCells(
            tuple(a.merged(b) for a, b in zip(self.rest, other.rest, strict=True)),
            tuple(a.merged(b) if a is not None and b is not None else None for a, b in zip(self.pairs, other.pairs, strict=True)),
        )


def class_cells(p: NDArray[np.float64], y: NDArray[np.int64], w: NDArray[np.float64], *, exact: bool) -> ClassCells:
    """Cells of one block: probabilities float64[n, k], codes int64[n], weights > 0 float64[n]."""
    k = p.shape[1]
    rest, pairs = [], []
    for i in range(k):
        score, mine = np.ascontiguousarray(p[:, i]), y == i
        rest.append(cells_of(score, mine.astype(np.float64), w, exact=exact))
        for j in range(k):
            both = mine | (y == j)
            pairs.append(None if i == j else cells_of(score[both], mine[both].astype(np.float64), w[both], exact=exact))
    return ClassCells(tuple(rest), tuple(pairs))


def auc_tables(cells: ClassCells, counts: NDArray[np.float64], domain: Sequence[str], auc_type: str) -> dict[str, object]:
    """Fields of the metrics: both tables, and the averages that ``auc_type`` names. ``counts``: weight of each class."""
    roc, pr = (_rows(cells, counts, domain, precision_recall=flag) for flag in (False, True))
    shown = AUC_TYPES[auc_type.upper()]
    return {
        "AUC": next(r[3] for r in roc if r[0] == shown),
        "pr_auc": next(r[3] for r in pr if r[0] == shown),
        "multinomial_auc_table": _table("Multinomial AUC values", "auc", "AUC", roc),
        "multinomial_aucpr_table": _table("Multinomial auc_pr values", "auc_pr", "PR AUC", pr),
    }


def _table(title: str, name: str, shown: str, rows: list[list[object]]) -> TwoDimTable:
    columns = (
        Column("type", "string", "%s", "type"),
        Column("first_class_domain", "string", "%s", "First class domain"),
        Column("second_class_domain", "string", "%s", "Second class domain"),
        Column(name, "double", "%f", shown),
    )
    return TwoDimTable.of_rows(title, "", columns, rows)


def _rows(cells: ClassCells, counts: NDArray[np.float64], domain: Sequence[str], *, precision_recall: bool) -> list[list[object]]:
    k, total = len(domain), float(counts.sum())
    rest = np.array([_area(c, precision_recall=precision_recall) for c in cells.rest])
    one = np.array([math.nan if c is None else _area(c, precision_recall=precision_recall) for c in cells.pairs]).reshape(k, k)
    rows: list[list[object]] = [[f"{name} vs Rest", name, None, float(a)] for name, a in zip(domain, rest, strict=True)]
    rows.append(["Macro OVR", None, None, float(rest.mean())])
    rows.append(["Weighted OVR", None, None, float((rest * counts).sum() / total)])
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    both = [float((one[i, j] + one[j, i]) / 2) for i, j in pairs]
    rows += [[f"Class {domain[i]} vs. {domain[j]}", domain[i], domain[j], a] for (i, j), a in zip(pairs, both, strict=True)]
    shares = [float(counts[i] + counts[j]) / ((k - 1) * total) for i, j in pairs]
    rows.append(["Macro OVO", None, None, sum(both) / len(both)])
    rows.append(["Weighted OVO", None, None, sum(a * s for a, s in zip(both, shares, strict=True))])
    return rows


def _area(cells: Cells, *, precision_recall: bool) -> float:
    kept = cells.compact()
    if not kept.positive.sum() or not kept.negative.sum():
        return math.nan
    return area_under_pr(thresholds_of(kept)) if precision_recall else area_under_roc(kept)
