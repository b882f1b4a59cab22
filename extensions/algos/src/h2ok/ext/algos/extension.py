"""Declaration of the built-in algorithms."""

from h2ok.capabilities.contracts.extension import Algo, CoreExtension, Extension, Primitives, Routes

extension = Extension(
    name="algos",
    priority=50,
    provides=(
        CoreExtension("Algos", "h2ok.ext.algos.warmup:AlgosCore"),
        Algo("drf", "h2ok.ext.algos.drf.builder:DRF", "Distributed Random Forest"),
        Algo("gbm", "h2ok.ext.algos.gbm.builder:GBM", "Gradient Boosting Machine"),
        Algo("glm", "h2ok.ext.algos.glm.builder:GLM", "Generalized Linear Modeling"),
        Algo("isolationforest", "h2ok.ext.algos.isolationforest.builder:IsolationForest", "Isolation Forest"),
        Algo("isotonicregression", "h2ok.ext.algos.isotonicregression.builder:IsotonicRegression", "Isotonic Regression"),
        Algo("kmeans", "h2ok.ext.algos.kmeans.builder:KMeans", "K-means"),
        Algo("naivebayes", "h2ok.ext.algos.naivebayes.builder:NaiveBayes", "Naive Bayes"),
        Algo("pca", "h2ok.ext.algos.pca.builder:PCA", "Principal Components Analysis"),
        Algo("svd", "h2ok.ext.algos.pca.svd:SVD", "Singular Value Decomposition"),
        Routes("Algos", "h2ok.ext.algos.routes:routes"),
        Primitives("h2ok.ext.algos.primitives:PRIMITIVES", ("tree.update.weights",)),
    ),
    requires=("models",),
    help="Linear models, boosting, forests, clusters.",
)
