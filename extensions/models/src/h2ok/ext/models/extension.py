"""Declaration of the model framework."""

from h2ok.capabilities.contracts.extension import CoreExtension, Extension, Primitives, Routes

extension = Extension(
    name="models",
    provides=(
        CoreExtension("Models", "h2ok.ext.models.core:ModelsCore"),
        Routes("Algos", "h2ok.ext.models.routes_builders:routes"),
        Routes("Algos", "h2ok.ext.models.routes_grid:routes"),
        Routes("Core V3", "h2ok.ext.models.routes_models:routes"),
        Routes("Core V3", "h2ok.ext.models.routes_predictions:routes"),
        Routes("Core V3", "h2ok.ext.models.routes_dependence:routes"),
        Routes("Core V3", "h2ok.ext.models.routes_storage:routes"),
        Primitives("h2ok.ext.models.primitives:PRIMITIVES", ("model.reset.threshold",)),
    ),
    modules=("h2ok.ext.models.algorithm", "h2ok.ext.models.crossvalidation"),
    help="Model builders, scoring, metrics, cross-validation and grids.",
)
