"""All routes of models; their handlers are imported on use, so that a node answers soon after its start."""

from __future__ import annotations

from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import Route
from h2ok.ext.models.schemas import (
    FriedmanPopescusHV3,
    ModelBuildersV3,
    ModelMetricsListSchemaV3,
    ModelMetricsMakerSchemaV3,
    ModelsV3,
    PartialDependenceV3,
)

__all__ = ["ALGOS", "CORE_V3"]

_BUILDERS = "h2ok.ext.models.routes_builders:"
_GRID = "h2ok.ext.models.routes_grid:"
_MODELS = "h2ok.ext.models.routes_models:"
_SEGMENTS = "h2ok.ext.models.routes_segments:train_segments"
_PREDICTIONS = "h2ok.ext.models.routes_predictions:"
_DEPENDENCE = "h2ok.ext.models.routes_dependence:"
_STORAGE = "h2ok.ext.models.routes_storage:"
_ONE = "/3/ModelMetrics/models/{model}/frames/{frame}"
_IN = ModelMetricsListSchemaV3

ALGOS = [
    Route(
        "GET",
        "/3/ModelBuilders",
        _BUILDERS + "list_builders",
        None,
        ModelBuildersV3,
        "List the algorithms with their parameters.",
        "modelbuilders",
    ),
    Route("GET", "/3/ModelBuilders/{algo}", _BUILDERS + "get_builder", None, ModelBuildersV3, "Describe one algorithm."),
    Route("POST", "/3/ModelBuilders/{algo}", _BUILDERS + "train", None, None, "Train a model.", "train"),
    Route("POST", "/3/ModelBuilders/{algo}/parameters", _BUILDERS + "validate", None, None, "Validate parameters."),
    Route(
        "POST", "/99/ModelBuilders/{algo}", _BUILDERS + "train", None, None, "Train a model of an experimental algorithm.", "train"
    ),
    Route("POST", "/99/ModelBuilders/{algo}/parameters", _BUILDERS + "validate", None, None, "Validate parameters."),
    Route(
        "POST", "/3/SegmentModelsBuilders/{algo}", _SEGMENTS, None, None, "Train a model for each group of rows.", "segment_train"
    ),
    Route(
        "POST", "/99/SegmentModelsBuilders/{algo}", _SEGMENTS, None, None, "Train a model for each group of rows.", "segment_train"
    ),
    Route("POST", "/99/Grid/{algo}", _GRID + "search", None, None, "Search over hyper parameters."),
    Route("POST", "/99/Grid/{algo}/resume", _GRID + "resume", None, None, "Go on with the search of a grid."),
    Route("POST", "/3/Recovery/resume", _GRID + "recover", None, None, "Go on with an interrupted search."),
    Route("GET", "/99/Grids", _GRID + "list_grids", None, None, "List the grids."),
    Route("GET", "/99/Grids/{grid_id}", _GRID + "get_grid", None, None, "Look at a grid."),
]

CORE_V3 = [
    Route("GET", "/3/Models", _MODELS + "list_models", None, ModelsV3, "List the models."),
    Route("GET", "/3/Models/{model_id}", _MODELS + "get_model", None, ModelsV3, "Look at a model."),
    Route("GET", "/99/Models", _MODELS + "list_models", None, ModelsV3, "List the models."),
    Route("GET", "/99/Models/{model_id}", _MODELS + "get_model", None, ModelsV3, "Look at a model."),
    Route("DELETE", "/3/Models/{model_id}", _MODELS + "delete_one", None, ModelsV3, "Delete a model."),
    Route("DELETE", "/3/Models", _MODELS + "delete_all", None, ModelsV3, "Delete all models."),
    Route("POST", "/3/Predictions/models/{model}/frames/{frame}", _PREDICTIONS + "predict", _IN, _IN, "Score a frame."),
    Route(
        "POST",
        "/4/Predictions/models/{model}/frames/{frame}",
        _PREDICTIONS + "predict_async",
        _IN,
        JobV3,
        "Score a frame as a job.",
    ),
    Route("POST", _ONE, _PREDICTIONS + "compute", _IN, _IN, "Compute metrics of a model on a frame.", lenient=True),
    Route("GET", _ONE, _PREDICTIONS + "list_metrics", None, _IN, "Stored metrics of a model on a frame."),
    Route("DELETE", _ONE, _PREDICTIONS + "delete_metrics", None, _IN, "Forget metrics of a model on a frame."),
    Route("GET", "/3/ModelMetrics", _PREDICTIONS + "list_all", None, _IN, "All stored metrics."),
    Route("GET", "/3/ModelMetrics/models/{model}", _PREDICTIONS + "list_metrics", None, _IN, "Stored metrics of a model."),
    Route("GET", "/3/ModelMetrics/frames/{frame}", _PREDICTIONS + "list_metrics", None, _IN, "Stored metrics on a frame."),
    Route(
        "GET",
        "/3/ModelMetrics/frames/{frame}/models/{model}",
        _PREDICTIONS + "list_metrics",
        None,
        _IN,
        "Stored metrics of a model on a frame.",
    ),
    Route("DELETE", "/3/ModelMetrics/models/{model}", _PREDICTIONS + "delete_metrics", None, _IN, "Forget metrics of a model."),
    Route("DELETE", "/3/ModelMetrics/frames/{frame}", _PREDICTIONS + "delete_metrics", None, _IN, "Forget metrics on a frame."),
    Route(
        "POST",
        "/3/ModelMetrics/predictions_frame/{predictions_frame}/actuals_frame/{actuals_frame}",
        _PREDICTIONS + "make",
        ModelMetricsMakerSchemaV3,
        ModelMetricsMakerSchemaV3,
        "Metrics of predictions against actual values.",
    ),
    Route(
        "POST", "/3/PartialDependence/", _DEPENDENCE + "start", PartialDependenceV3, JobV3, "Compute partial dependence as a job."
    ),
    Route(
        "POST",
        "/3/FriedmansPopescusH",
        "h2ok.ext.models.routes_h_statistic:compute",
        FriedmanPopescusHV3,
        FriedmanPopescusHV3,
        "Measure the interaction of predictors.",
    ),
    Route("GET", "/3/PartialDependence/{name}", _DEPENDENCE + "fetch", None, PartialDependenceV3, "Fetch partial dependence."),
    Route("GET", "/99/Models.bin/{model_id}", _STORAGE + "export_model", None, None, "Save a model."),
    Route("POST", "/99/Models.bin/{model_id}", _STORAGE + "import_model", None, ModelsV3, "Load a saved model."),
    Route("POST", "/99/Models.bin/", _STORAGE + "import_model", None, ModelsV3, "Load a saved model."),
    Route("GET", "/3/Models.fetch.bin/{model_id}", _STORAGE + "fetch_model", None, None, "Download a model."),
    Route("POST", "/99/Models.upload.bin/{model_id}", _STORAGE + "upload_model", None, ModelsV3, "Load an uploaded model."),
    Route("POST", "/99/Models.upload.bin/", _STORAGE + "upload_model", None, ModelsV3, "Load an uploaded model."),
    Route("GET", "/99/Models/{model_id}/json", _STORAGE + "export_json", None, None, "Save what a model reports as JSON."),
    Route("GET", "/3/Models/{model_id}/json", _STORAGE + "fetch_json", None, None, "Download what a model reports as JSON."),
    Route("GET", "/3/Models/{model_id}/mojo", _STORAGE + "fetch_mojo", None, None, "Download a model as a MOJO.", "modelMojo"),
    Route("GET", "/99/Models.mojo/{model_id}", _STORAGE + "export_mojo", None, None, "Save a model as a MOJO.", "exportMojo"),
    Route("POST", "/3/Grid.bin/{grid_id}/export", _STORAGE + "export_grid", None, None, "Save a grid."),
    Route("POST", "/3/Grid.bin/import", _STORAGE + "import_grid", None, None, "Load a saved grid."),
]
