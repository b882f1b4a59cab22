"""Declaration of the built-in algorithms."""

from h2ok.capabilities.contracts.extension import Algo, CoreExtension, Extension, Routes

extension = Extension(
    name="algos",
    provides=(
        CoreExtension("Algos", "h2ok.ext.algos.warmup:AlgosCore"),
        Algo("gbm", "h2ok.ext.algos.gbm.builder:GBM", "Gradient Boosting Machine"),
        Algo("glm", "h2ok.ext.algos.glm.builder:GLM", "Generalized Linear Modeling"),
        Routes("Algos", "h2ok.ext.algos.glm.routes:routes"),
    ),
    requires=("models",),
    help="Generalized linear models and gradient boosting.",
)
