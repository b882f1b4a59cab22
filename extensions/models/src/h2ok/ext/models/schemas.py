"""Schemas of requests and answers about models, builders and metrics."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.schema import Schema, api

__all__ = [
    "FriedmanPopescusHV3",
    "PartialDependenceV3",
    "ModelBuildersV3",
    "ModelMetricsListSchemaV3",
    "ModelMetricsMakerSchemaV3",
    "ModelsV3",
]


class ModelsV3(Schema):
    """Models, and how to look at them."""

    schema_type = "Models"
    model_id: str | None = api("Key<Model>", direction="INPUT", help="Id of the model.")
    preview: bool = api("boolean", False, direction="INPUT", help="Only the head of each model.")
    find_compatible_frames: bool = api("boolean", False, direction="INPUT", help="Also list frames the model can score.")
    models: Any = api("Model[]", direction="OUTPUT", help="The models.")
    compatible_frames: Any = api("Frame[]", direction="OUTPUT", help="Frames that fit.")
    export_cross_validation_predictions: bool = api("boolean", False, direction="INPUT", help="Export holdout predictions too.")
    _exclude_fields: str = api("string", "", direction="INPUT", help="Fields to leave out.")


class ModelBuildersV3(Schema):
    """Model builders by algorithm."""

    schema_type = "Iced"
    algo: str | None = api("string", direction="INPUT", help="Name of an algorithm.")
    model_builders: Any = api("Map<string,ModelBuilderSchema>", direction="OUTPUT", help="Builders by algorithm.")
    _exclude_fields: str = api("string", "", direction="INPUT", help="Fields to leave out.")


class ModelMetricsListSchemaV3(Schema):
    """What to compute for a model on a frame, and the metrics."""

    schema_type = "ModelMetricsList"
    model: str | None = api("Key<Model>", direction="INPUT", help="The model.")
    frame: str | None = api("Key<Frame>", direction="INPUT", help="The frame.")
    predictions_frame: Any = api("Key<Frame>", direction="INOUT", help="Where the predictions go.")
    deviances_frame: Any = api("Key<Frame>", direction="INOUT", help="Where the deviances go.")
    reconstruction_error: bool = api("boolean", False, direction="INPUT", help="Autoencoder: reconstruction error.")
    reconstruction_error_per_feature: bool = api("boolean", False, direction="INPUT", help="Autoencoder: error of each feature.")
    deep_features_hidden_layer: int = api("int", -1, direction="INPUT", help="Deep learning: layer to extract.")
    deep_features_hidden_layer_name: str | None = api("string", direction="INPUT", help="Deep learning: layer to extract by name.")
    reconstruct_train: bool = api("boolean", False, direction="INPUT", help="GLRM: reconstruct the training data.")
    project_archetypes: bool = api("boolean", False, direction="INPUT", help="GLRM: project archetypes.")
    reverse_transform: bool = api("boolean", False, direction="INPUT", help="GLRM: undo the transformation.")
    leaf_node_assignment: bool = api("boolean", False, direction="INPUT", help="Trees: leaf of each row.")
    leaf_node_assignment_type: str | None = api(
        "enum", direction="INPUT", values=("Path", "Node_ID"), help="Trees: form of the leaf."
    )
    predict_staged_proba: bool = api("boolean", False, direction="INPUT", help="Trees: predictions after each tree.")
    predict_contributions: bool = api("boolean", False, direction="INPUT", help="SHAP contributions.")
    row_to_tree_assignment: bool = api("boolean", False, direction="INPUT", help="Trees: which rows each tree saw.")
    predict_contributions_output_format: str | None = api(
        "enum", direction="INPUT", values=("Original", "Compact"), help="SHAP: form of the columns."
    )
    top_n: int = api("int", 0, direction="INPUT", help="SHAP: largest contributions.")
    bottom_n: int = api("int", 0, direction="INPUT", help="SHAP: smallest contributions.")
    compare_abs: bool = api("boolean", False, direction="INPUT", help="SHAP: compare absolute values.")
    feature_frequencies: bool = api("boolean", False, direction="INPUT", help="Trees: how often each feature is used for a row.")
    exemplar_index: int = api("int", -1, direction="INPUT", help="Aggregator: exemplar.")
    deviances: bool = api("boolean", False, direction="INPUT", help="Deviance of each row.")
    custom_metric_func: str | None = api("string", direction="INPUT", help="A user's own metric.")
    auc_type: str | None = api("string", direction="INPUT", help="AUC of several classes.")
    auuc_type: str | None = api("string", direction="INPUT", help="Uplift: AUUC.")
    custom_auuc_thresholds: Any = api("double[]", direction="INOUT", help="Uplift: thresholds.")
    auuc_nbins: int = api("int", 0, direction="INPUT", help="Uplift: bins.")
    background_frame: str | None = api("Key<Frame>", direction="INPUT", help="SHAP: background rows.")
    output_space: bool = api("boolean", False, direction="INPUT", help="SHAP: in the space of the output.")
    output_per_reference: bool = api("boolean", False, direction="INOUT", help="SHAP: for each background row.")
    model_metrics: Any = api("ModelMetrics[]", direction="OUTPUT", help="The metrics.")
    _exclude_fields: str = api("string", "", direction="INPUT", help="Fields to leave out.")


class ModelMetricsMakerSchemaV3(Schema):
    """Metrics of predictions against actual values, without a model."""

    schema_type = "ModelMetricsMaker"
    predictions_frame: str | None = api("string", direction="INOUT", help="Frame with the predictions.")
    actuals_frame: str | None = api("string", direction="INOUT", help="Frame with the actual values.")
    weights_frame: str | None = api("string", direction="INOUT", help="Frame with weights.")
    treatment_frame: str | None = api("string", direction="INOUT", help="Uplift: frame with the treatment.")
    domain: list[str] | None = api("string[]", direction="INOUT", help="Levels of the response.")
    distribution: str | None = api(
        "enum",
        direction="INOUT",
        values=(
            "AUTO", "bernoulli", "quasibinomial", "ordinal", "multinomial", "gaussian", "poisson", "gamma", "tweedie", "laplace",
            "quantile", "huber", "custom",
        ),
        help="Distribution whose deviance is shown.",
    )  # fmt: skip
    auc_type: str | None = api("string", direction="INOUT", help="AUC of several classes.")
    auuc_type: str | None = api("string", direction="INOUT", help="Uplift: AUUC.")
    auuc_nbins: int = api("int", 0, direction="INOUT", help="Uplift: bins.")
    custom_auuc_thresholds: Any = api("double[]", direction="INOUT", help="Uplift: thresholds.")
    model_metrics: Any = api("ModelMetrics", direction="OUTPUT", help="The metrics.")


class FriedmanPopescusHV3(Schema):
    """Whose interaction to measure, and the measure."""

    schema_type = "Iced"
    model_id: str | None = api("Key<Model>", direction="INPUT", help="A model that sums trees.")
    frame: str | None = api("Key<Frame>", direction="INPUT", required=True, help="The rows.")
    variables: list[str] | None = api("string[]", direction="INPUT", required=True, help="Numeric predictors.")
    h: float = api("double", 0.0, direction="OUTPUT", help="H: 0 without interaction.")


class PartialDependenceV3(Schema):
    """What to vary, and the tables."""

    schema_type = "PartialDependence"
    model_id: str | None = api("Key<Model>", direction="INOUT", help="The model.")
    frame_id: str | None = api("Key<Frame>", direction="INOUT", help="The rows.")
    row_index: int = api("long", -1, direction="INOUT", help="Only this row; -1: all.")
    cols: list[str] | None = api("string[]", direction="INOUT", help="Columns to vary.")
    weight_column_index: int = api("int", -1, direction="INOUT", help="Column with weights; -1: none.")
    add_missing_na: bool = api("boolean", False, direction="INOUT", help="Also a missing value.")
    nbins: int = api("int", 20, direction="INOUT", help="Values of a numeric column.")
    user_splits: list[float] | None = api("double[]", direction="INOUT", help="Values of all user_cols, one after the other.")
    user_cols: list[str] | None = api("string[]", direction="INOUT", help="Columns whose values are given.")
    num_user_splits: list[int] | None = api("int[]", direction="INOUT", help="How many values each of user_cols has.")
    partial_dependence_data: Any = api("TwoDimTable[]", direction="OUTPUT", help="A table for each column or pair.")
    col_pairs_2dpdp: Any = api("string[][]", direction="INOUT", help="Pairs of columns to vary together.")
    destination_key: str | None = api("Key<PartialDependence>", direction="INOUT", help="Where the result goes.")
    targets: list[str] | None = api("string[]", direction="INOUT", help="Classes of a model of several classes.")
