"""Declaration of the model framework."""

from h2ok.capabilities.contracts.extension import Extension, Primitives, Routes

extension = Extension(
    name="models",
    priority=50,
    provides=(
        Routes("Algos", "h2ok.ext.models.routes:ALGOS"),
        Routes("Core V3", "h2ok.ext.models.routes:CORE_V3"),
        Primitives(
            "h2ok.ext.models.primitives:PRIMITIVES",
            (
                "PermutationVarImp",
                "fairnessMetrics",
                "makeLeaderboard",
                "model.reset.threshold",
                "predicted.vs.actual.by.var",
                "segment_models_as_frame",
                "set.calibration.model",
            ),
        ),
    ),
    modules=tuple(f"h2ok.ext.models.{m}" for m in ("algorithm", "builder", "crossvalidation", "grid", "scoring")),
    help="Model builders, scoring, metrics, cross-validation and grids.",
)
