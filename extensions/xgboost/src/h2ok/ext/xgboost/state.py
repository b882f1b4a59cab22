"""XGBoostState: a booster as bytes, and how it predicts a block of rows."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.models import Rows
from h2ok.ext.xgboost.expansion import Expansion
from h2ok.kernel import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.models import Model, Mojo
    from h2ok.ext.models.h_statistic import WeightedTrees
    from h2ok.ext.models.scoring import Transform
    from h2ok.ext.models.training import ModelColumns

__all__ = ["XGBoostState", "probabilities"]


class _Loaded:
    """The booster of a state, made from the bytes on first use; it stays with the state on this node."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._booster: Any = None

    def booster(self, raw: NDArray[np.uint8]) -> Any:
        """The booster, with one thread a call: the blocks of a frame are spread over the workers already."""
        with self.lock:
            if self._booster is None:
                import xgboost

                booster = xgboost.Booster({"nthread": 1, "verbosity": 0})
                booster.load_model(bytearray(raw.tobytes()))
                booster.set_param({"nthread": 1, "verbosity": 0})
                self._booster = booster
            return self._booster


@wire_type("xgboost.state")
@dataclass(frozen=True)
class XGBoostState:
    """``raw``: uint8, the booster in the library's UBJSON format. ``rounds``: trees (of each class) in it."""

    raw: NDArray[np.uint8]
    expansion: Expansion
    distribution: str
    booster: str
    rounds: int
    has_offset: bool
    n_classes: int
    _loaded: _Loaded = field(default_factory=_Loaded, repr=False, compare=False, metadata={"wire": False})

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Probabilities of the classes, or the mean: float64[n_rows, k]."""
        return probabilities(self._predict(rows), self.distribution)

    def _predict(self, rows: Rows) -> NDArray[np.float32]:
        if rows.n_rows == 0:
            return np.empty((0, self.n_classes) if self.distribution == "multinomial" else 0, dtype=np.float32)
        booster = self._loaded.booster(self.raw)
        margin = rows.offset().astype(np.float32) if self.has_offset else None
        x = self._matrix(rows)
        if self.booster != "gblinear":
            out: NDArray[np.float32] = booster.inplace_predict(x, missing=np.nan, validate_features=False, base_margin=margin)
            return out
        import xgboost

        data = xgboost.DMatrix(x, missing=np.nan, nthread=1, base_margin=margin)
        with self._loaded.lock:  # only predictions in place may run side by side
            found: NDArray[np.float32] = booster.predict(data, validate_features=False)
            return found

    def explained(self, rows: Rows, **what: bool) -> NDArray[np.float32]:
        """What the library says about the margin of rows beside predictions: ``pred_contribs`` or ``pred_leaf``."""
        import xgboost

        booster = self._loaded.booster(self.raw)
        margin = rows.offset().astype(np.float32) if self.has_offset else None
        data = xgboost.DMatrix(self._matrix(rows), missing=np.nan, nthread=1, base_margin=margin)
        with self._loaded.lock:
            found: NDArray[np.float32] = booster.predict(data, validate_features=False, **what)
            return found

    def dump(self, *, with_stats: bool = False) -> list[str]:
        """All trees as JSON texts, ``with_stats`` with gains and covers."""
        booster = self._loaded.booster(self.raw)
        with self._loaded.lock:
            return list(booster.get_dump(dump_format="json", with_stats=with_stats))

    def saved_json(self) -> bytes:
        """The booster as the library's JSON model."""
        booster = self._loaded.booster(self.raw)
        with self._loaded.lock:
            return bytes(booster.save_raw(raw_format="json"))

    def mojo(self, model: Model) -> Mojo:
        """The model in H2O's scoring format."""
        from h2ok.ext.xgboost.mojo import mojo

        return mojo(self, model)

    def weighted_trees(self) -> WeightedTrees:
        """The trees of a model of one score; see ``HasTrees``."""
        from h2ok.ext.xgboost.transforms import weighted_trees

        return weighted_trees(self)

    def transform(self, kind: str, request: Any, columns: ModelColumns) -> Transform:
        """Other things than predictions that trees say about rows (see ``Transforms``)."""
        from h2ok.ext.xgboost.transforms import transform

        return transform(self, kind, request, columns)

    def _matrix(self, rows: Rows) -> Any:
        if not self.expansion.sparse:
            return self.expansion.dense(rows)
        from scipy.sparse import csr_matrix

        return csr_matrix(self.expansion.stored(rows), shape=(rows.n_rows, self.expansion.width))


def probabilities(found: NDArray[np.float32], distribution: str) -> NDArray[np.float64]:
    """The library's predictions in the framework's shape: float64[n, k]."""
    p = found.astype(np.float64)
    if distribution == "bernoulli":
        return np.column_stack([1.0 - p, p])
    return p if p.ndim == 2 else p[:, None]
