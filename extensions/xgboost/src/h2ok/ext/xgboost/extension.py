"""Declaration of XGBoost: the core extension says whether the library is there, everything else needs it."""

from h2ok.capabilities.contracts.extension import Algo, CoreExtension, Extension, ModelingSteps, Routes

extension = Extension(
    name="xgboost",
    priority=50,
    provides=(
        CoreExtension("XGBoost", "h2ok.ext.xgboost.native:XGBoostCore"),
        Algo("xgboost", "h2ok.ext.xgboost.builder:XGBoost", "XGBoost"),
        Routes("XGBoost", "h2ok.ext.xgboost.routes:routes", requires=("core:XGBoost",)),
        ModelingSteps("XGBoost", "h2ok.ext.xgboost.steps:STEPS"),
    ),
    requires=("models", "core:XGBoost"),
    help="XGBoost: gradient boosting by the library of that name.",
)
