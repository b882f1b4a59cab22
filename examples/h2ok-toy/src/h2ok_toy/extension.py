"""What this package adds to h2ok. Nothing else is imported until it is used."""

from h2ok.capabilities.contracts.extension import Algo, Extension, Primitives

extension = Extension(
    name="toy",
    provides=(
        Algo("nearestcentroid", "h2ok_toy.centroid:NearestCentroid", "Nearest Centroid"),
        Primitives("h2ok_toy.zscore:PRIMITIVES", names=("zscore",)),
    ),
    requires=("models", "rapids"),
    help="Nearest-centroid classification and the zscore primitive.",
)
