"""Routes that only one algorithm has; their handlers are imported on use."""

from __future__ import annotations

from h2ok.capabilities.contracts.routes import Route
from h2ok.ext.algos.schemas import MakeGLMModelV3

__all__ = ["routes"]

_GLM = "h2ok.ext.algos.glm.routes:"

routes = [
    Route("POST", "/3/MakeGLMModel", _GLM + "make", MakeGLMModelV3, None, "Make a GLM of given coefficients."),
    Route("GET", "/3/GetGLMRegPath", _GLM + "path", None, None, "Points of the path of penalties of a GLM."),
    Route("GET", "/3/Tree", "h2ok.ext.algos.gbm.routes:tree", None, None, "One tree of a model."),
]
