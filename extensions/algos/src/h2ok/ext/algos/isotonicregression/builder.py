"""Isotonic regression of a response on one number."""

from __future__ import annotations

from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.algos.isotonicregression.params import IsotonicRegressionParametersV3
from h2ok.ext.algos.isotonicregression.state import IsotonicRegressionState
from h2ok.ext.models import ModelBuilder, TrainContext, Trained, TrainingData, Validation
from h2ok.ext.models.isotonic import fit_isotonic

__all__ = ["IsotonicRegression"]


class IsotonicRegression(ModelBuilder):
    """The line that never falls and is closest to the response."""

    algo = "isotonicregression"
    full_name = "Isotonic Regression"
    schema = "IsotonicRegression"
    parameters = IsotonicRegressionParametersV3
    can_build = ("Regression",)
    visibility = "Experimental"
    codes_as_numbers = True

    def validate(self, v: Validation, data: TrainingData | None) -> None:
        if data is None:
            return
        if len(data.names) != 1:
            names = ", ".join(data.names)
            v.error("training_frame", f"Isotonic regression has exactly one predictor; given are {len(data.names)}: {names}.")
        elif data.columns.domains[0] is not None:
            v.error("training_frame", f"Isotonic regression needs a numeric predictor; '{data.names[0]}' is categorical.")

    def build(self, ctx: TrainContext) -> Trained:
        ctx.update(0.0, "Pooling")
        x, y = fit_isotonic(ctx.data, cancelled=ctx.cancelled)
        state = IsotonicRegressionState(x, y, ctx.params.value("out_of_bounds") == "clip")
        heads = (Column("", "string"), Column("number_of_thresholds", "long", "%d", "Number of Thresholds"))
        summary = TwoDimTable.of_rows("Model Summary", "", heads, [["", len(x)]])
        extra = {"thresholds_x": x.tolist(), "thresholds_y": y.tolist(), "min_x": float(x[0]), "max_x": float(x[-1])}
        return Trained(state, summary, extra=extra)
