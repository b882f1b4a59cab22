"""Declaration of the built-in algorithms."""

from h2ok.capabilities.contracts.extension import Algo, CoreExtension, Extension

extension = Extension(
    name="algos",
    provides=(
        CoreExtension("Algos", "h2ok.ext.algos.warmup:AlgosCore"),
        Algo("drf", "h2ok.ext.algos.drf.builder:DRF", "Distributed Random Forest"),
        Algo("gbm", "h2ok.ext.algos.gbm.builder:GBM", "Gradient Boosting Machine"),
        Algo("glm", "h2ok.ext.algos.glm.builder:GLM", "Generalized Linear Modeling"),
        Algo("kmeans", "h2ok.ext.algos.kmeans.builder:KMeans", "K-means"),
    ),
    requires=("models",),
    help="Linear models, boosting, forests, clusters.",
)
