"""What this package adds to h2ok. Nothing else is imported until it is used."""

from h2ok.capabilities.contracts.extension import Algo, Extension

extension = Extension(
    name="knn",
    provides=(Algo("knn", "h2ok_knn.knn:KNearestNeighbours", "K-Nearest Neighbours"),),
    requires=("models",),
    help="K-nearest-neighbour classification and regression.",
)
