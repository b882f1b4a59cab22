"""What isotonic regression learned, and how it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from h2ok.ext.models import Rows
from h2ok.ext.models.calibration import IsotonicCalibration
from h2ok.kernel import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.models.model import Model
    from h2ok.ext.models.mojo import Mojo

__all__ = ["IsotonicRegressionState"]


@wire_type("isotonicregression.state")
@dataclass(frozen=True, slots=True)
class IsotonicRegressionState:
    """``x``, ``y``: float64[k], the corners of a line that never falls. Outside of them: the ends with ``clip``, NA without."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    clip: bool

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """float64[n_rows, 1]; NA for NA."""
        outside = (None, None) if self.clip else (np.nan, np.nan)
        return np.interp(rows.numbers(0), self.x, self.y, left=outside[0], right=outside[1])[:, None]

    def calibration(self) -> IsotonicCalibration:
        """For probabilities: outside of the range that of the nearest end, as in H2O."""
        return IsotonicCalibration(self.x, self.y)

    def mojo(self, model: Model) -> Mojo:
        """The model in H2O's scoring format."""
        from h2ok.ext.models.mojo import Mojo, blob

        info = {"calib_min_x": float(self.x[0]), "calib_max_x": float(self.x[-1]), "out_of_bounds": "clip" if self.clip else "NA"}
        files = {"calib/thresholds_x": blob(self.x), "calib/thresholds_y": blob(self.y)}
        return Mojo("Isotonic Regression", "isotonicregression", "1.00", info, files)
