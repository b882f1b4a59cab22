"""ModelBuilder: validate parameters, train as a job, store a Model. The public door for every algorithm."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.models import stopping
from h2ok.ext.models.adaptation import adapt, misfits
from h2ok.ext.models.available import load_builder
from h2ok.ext.models.balance import CLASS_SHARES, ClassShares, Corrected, balance
from h2ok.ext.models.calibration import CALIBRATION, calibrate
from h2ok.ext.models.context import TrainContext, Trained
from h2ok.ext.models.crossvalidation import CrossValidation
from h2ok.ext.models.encoding import EXPLICIT, encode
from h2ok.ext.models.ids import automatic_id
from h2ok.ext.models.lookup import optional_frame
from h2ok.ext.models.metrics.task import default_threshold
from h2ok.ext.models.model import Model, ModelOutput
from h2ok.ext.models.mojo import codec_of
from h2ok.ext.models.parameters import Parameters
from h2ok.ext.models.scoring import place, store_metrics
from h2ok.ext.models.storage import saved, write_file
from h2ok.ext.models.training import TrainingData, prepare
from h2ok.ext.models.validation import Validation
from h2ok.kernel import ClassMismatchError, Frame, Job, JobContext, given_key, new_seed, wire_type

if TYPE_CHECKING:
    from h2ok.capabilities import Runtime

__all__ = ["ModelBuilder", "TrainPlan"]


class ModelBuilder(ABC):
    """One run of one algorithm.

    A subclass names itself by the class attributes, checks what the declarations cannot in ``validate``, and learns in ``build``.
    ``schema`` is the stem of schema names: GBM for GBMV3, GBMParametersV3, GBMModelV3.
    """

    algo: ClassVar[str]
    full_name: ClassVar[str]
    schema: ClassVar[str]
    parameters: ClassVar[type[Parameters]]
    can_build: ClassVar[tuple[str, ...]] = ("Regression", "Binomial", "Multinomial")
    supervised: ClassVar[bool] = True
    visibility: ClassVar[str] = "Stable"
    #: Categorical predictors first, most levels first.
    cats_first: ClassVar[bool] = False
    #: A trained model says which metric AUTO stood for in early stopping.
    tells_stopping_metric: ClassVar[bool] = True
    #: A categorical response is the number of its level.
    codes_as_numbers: ClassVar[bool] = False
    #: What ``categorical_encoding`` may be beside AUTO; the framework does those of ``encoding.EXPLICIT``.
    encodings: ClassVar[tuple[str, ...]] = EXPLICIT

    def __init__(self, runtime: Runtime, params: Parameters, given: dict[str, Any] | None = None, user_agent: str = "") -> None:
        self.runtime = runtime
        self.node = runtime.node
        self.params = params
        self.given = params.to_dict() if given is None else given
        self.user_agent = user_agent
        self.validation = Validation()
        self.frame: Frame | None = None
        self.valid_frame: Frame | None = None
        self.calibration_frame: Frame | None = None
        self.data: TrainingData | None = None
        self.valid: TrainingData | None = None
        self.calibration: TrainingData | None = None
        self._key: str | None = None
        self._shares: ClassShares | None = None

    @abstractmethod
    def build(self, ctx: TrainContext) -> Trained:
        """Learn from ``ctx.data``. Call ``ctx.update`` often: it is where a cancel takes effect."""

    def validate(self, v: Validation, data: TrainingData | None) -> None:  # noqa: B027 - optional
        """Add findings that depend on data or on several parameters. ``data`` is None without a frame or with wrong roles."""

    def wants_two_classes(self) -> bool:
        """Whether a numeric response of two whole numbers stands for two classes."""
        return False

    def after_folds(self, params: Any, trained: list[Trained]) -> None:  # noqa: B027 - optional
        """Adapt the parameters of the main model to what the models of the folds found (iterations, lambda)."""

    @property
    def model_key(self) -> str:
        """The model's key: as given - but ``_`` for slashes, as in H2O, which the job tells -, or automatic."""
        if self._key is None:
            given = self.params.value("model_id")
            automatic = "" if given else automatic_id(self.node, self.schema, self.user_agent)
            self._key = automatic or given_key(given, "model_id").replace("/", "_")
        return self._key

    # -- validation ---------------------------------------------------------------------------------------------------

    def check(self) -> Validation:
        """Look at everything that can be known before training; findings are in ``validation``.

        Raises
        ------
        IllegalArgumentError
            A frame does not exist (400).
        ClassMismatchError
            A key holds something else than expected (412).
        """
        v = self.validation = Validation()
        v.check_declared(self.params)
        self.frame = optional_frame(self.node, self.params.value("training_frame"), "training_frame")
        self.valid_frame = optional_frame(self.node, self.params.value("validation_frame"), "validation_frame")
        self.data = None
        if self.frame is not None:
            self.data = prepare(
                self.node,
                self.params,
                self.frame,
                v,
                supervised=self.supervised,
                cats_first=self.cats_first,
                two_classes=self.wants_two_classes(),
            )
        elif self.supervised and self.params.value("response_column") is None:
            v.error("response_column", "Response column is not set. Name the column to predict.")
        if self.data is not None and self.codes_as_numbers:
            self.data = replace(self.data, codes_as_numbers=True)
        self._check_common(v)
        self._encode(v)
        self.valid = self._adapted(v, self.valid_frame, "validation_frame", need_response=self.supervised)
        self.calibration = self._adapted(v, self.calibration_frame, "calibration_frame", need_response=True)
        self.validate(v, self.data)
        return v

    def _encode(self, v: Validation) -> None:
        kind = self.params.value("categorical_encoding", "AUTO")
        if kind == "AUTO":
            return
        if kind not in self.encodings:
            known = ", ".join(("AUTO", *self.encodings))
            v.error("categorical_encoding", f"{self.full_name} cannot use categorical_encoding {kind}. It can use: {known}.")
        elif self.data is not None and kind in EXPLICIT:
            self.data = encode(self.data, kind)

    def _balances(self, data: TrainingData) -> bool:
        return bool(self.params.value("balance_classes", False)) and data.category in ("Binomial", "Multinomial")

    def _check_balance(self, v: Validation, data: TrainingData | None) -> None:
        factors = self.params.value("class_sampling_factors", None)
        if data is None or factors is None:
            return
        if len(factors) != data.n_classes or any(not f >= 0 for f in factors) or not any(f > 0 for f in factors):
            v.error(
                "class_sampling_factors",
                f"class_sampling_factors needs a number of at least 0 for each of the {data.n_classes} classes, and one above 0; "
                f"got {factors}.",
            )
        if not self.params.value("balance_classes", False):
            v.error("class_sampling_factors", "class_sampling_factors needs balance_classes=True.")

    def _check_calibration(self, v: Validation, data: TrainingData | None) -> None:
        p = self.params
        if not p.value("calibrate_model", False):
            return
        if data is not None and data.category != "Binomial":
            v.error("calibrate_model", "Model calibration is only currently supported for binomial models.")
        frame = self.calibration_frame = optional_frame(self.node, p.value("calibration_frame"), "calibration_frame")
        if frame is None:
            v.error("calibrate_model", "Calibration frame was not specified.")

    def _check_common(self, v: Validation) -> None:
        p, data = self.params, self.data
        self._check_calibration(v, data)
        self._check_balance(v, data)
        nfolds, fold_column = p.value("nfolds", 0), p.value("fold_column")
        if nfolds < 0 or nfolds == 1:
            v.error("nfolds", f"nfolds must be 0 or at least 2; got {nfolds}.")
        if nfolds > 1 and fold_column is not None:
            v.error("nfolds", "Give either nfolds or fold_column, not both.")
        if nfolds > 1 and self.frame is not None and nfolds > self.frame.n_rows:
            v.error("nfolds", f"nfolds must not exceed the {self.frame.n_rows} rows of the training frame; got {nfolds}.")
        if nfolds < 2 and fold_column is None:
            for name in (
                "keep_cross_validation_models",
                "keep_cross_validation_predictions",
                "keep_cross_validation_fold_assignment",
            ):
                if p.value(name) is not None:
                    v.hide(name, "Only for cross-validation.")
        if data is not None:
            if self.supervised and data.category not in self.can_build:
                v.error(
                    "response_column",
                    f"{self.full_name} cannot build a {data.category} model; it can: {', '.join(self.can_build)}.",
                )
            self._check_stopping(v, data)
            if p.value("fold_assignment", "AUTO") == "Stratified" and data.domain is None:
                v.error("fold_assignment", "Stratified folds need a categorical response. Use Random or Modulo.")

    def _check_stopping(self, v: Validation, data: TrainingData) -> None:
        metric = self.params.value("stopping_metric", "AUTO")
        if metric in ("custom", "custom_increasing"):
            v.error(
                "custom_metric_func",
                "Custom metric function needs to be defined in order to use it for early stopping, and h2ok has no custom metric "
                f"functions yet. Choose another than stopping_metric {metric}.",
            )
        elif not stopping.fits_category(metric, data.category) and (
            self.params.value("stopping_rounds", 0) > 0 or metric not in stopping.METRICS
        ):
            v.error("stopping_metric", f"stopping_metric {metric} does not exist for a {data.category} model. AUTO always fits.")

    # -- training -----------------------------------------------------------------------------------------------------

    def start(self) -> Job:
        """Check, and train as a job whose result is the model's key.

        Raises
        ------
        ModelBuilderError
            The parameters are not valid.
        """
        v = self.check()
        self._refuse_other_kind()
        v.raise_if_wrong(self.model_key, self.schema, self.params)
        plan = TrainPlan(self.algo, self.params.to_dict(), self.model_key, self.user_agent, self)
        return self.node.jobs.start(self.schema, self.model_key, "Model", plan)

    def train(self, job: JobContext, progress: tuple[float, float] = (0.0, 1.0)) -> Model:
        """Check and train inside a job that runs already (grids). Raises as ``start``."""
        self.check().raise_if_wrong(self.model_key, self.schema, self.params)
        return self.run(job, progress)

    def run(self, job: JobContext, progress: tuple[float, float] = (0.0, 1.0)) -> Model:
        """The work of the job."""
        if self.data is None:
            raise ValueError("training_frame is not set: there is nothing to train on. Name a frame.")
        begin = time.time()
        job.hold(self.frame, self.valid_frame, self.calibration_frame)
        asked = self.params.value("model_id")
        if asked and "/" in asked:
            job.warn(f"Bad model_id '{asked}': it holds a slash. The model is stored as '{self.model_key}'.")
        seed = self.params.value("seed", -1)
        seed = new_seed() if seed == -1 else seed
        if self.params.value("seed") is not None:
            setattr(self.params, "seed", seed)  # noqa: B010 - not every algorithm has one
        limit = self.params.value("max_runtime_secs", 0.0)
        deadline = time.monotonic() + limit if limit else float("inf")
        for warning in misfits(self.valid) if self.valid is not None else ():
            job.warn(warning)
        if self._balances(self.data):
            factors, size = self.params.value("class_sampling_factors"), self.params.value("max_after_balance_size")
            self.data, self._shares = balance(self.data, factors, size, seed)
        ctx = TrainContext(self.node, self.params, self.data, self.valid, job, seed, deadline, progress)
        folds = CrossValidation.wanted(self)
        cv = CrossValidation(self, ctx) if folds else None
        if cv is not None:
            cv.train_folds()
            ctx = replace(ctx, progress=cv.main_progress)
        trained = job.survive(lambda: self.build(ctx))
        model = self.finish(ctx, trained, begin)
        if cv is not None:
            model = cv.finish(model)
        if self.params.value("calibrate_model"):
            model = self._calibrated(model)
        self.node.dkv.put(model.key, model)
        folder = self.params.value("export_checkpoints_dir")
        if folder:
            self._save(model, str(folder).rstrip("/"))
        ctx.update(1.0, "Done.")
        return model

    def _save(self, model: Model, folder: str) -> None:
        """The model and those of its folds, a file each."""
        folds = self.node.dkv.get_many(model.parts)
        for each in (model, *(m for m in folds.values() if isinstance(m, Model))):
            write_file(self.runtime, f"{folder}/{each.key}", saved(self.runtime, each), force=True, function="exportModel")

    def _calibrated(self, model: Model) -> Model:
        assert self.calibration is not None, "checked before"
        learned = calibrate(self.calibration, model.predictor, model.parameters["calibration_method"])
        return replace(model, attachments={**model.attachments, CALIBRATION: learned})

    def finish(self, ctx: TrainContext, trained: Trained, begin: float, key: str | None = None) -> Model:
        """The Model of what was learned, with its metrics; not stored yet (its metrics are)."""
        data = ctx.data
        predictor, attachments = trained.state, trained.attachments
        if self._shares is not None:
            predictor, attachments = Corrected(trained.state, self._shares), {**attachments, CLASS_SHARES: self._shares}
            # Those of rows the trees did not see stay; the others are of probabilities before their correction.
            kept = trained.training_metrics if trained.training_metrics and trained.training_metrics.description else None
            trained = replace(trained, training_metrics=kept, validation_metrics=None)
        train = trained.training_metrics
        if train is None and trained.compute_metrics:
            train = ctx.metrics(data, predictor, trained.deviance, trained.null_mu)
        valid = trained.validation_metrics
        if valid is None and ctx.valid is not None:
            valid = ctx.metrics(ctx.valid, predictor, trained.deviance, trained.null_mu)
        output = ModelOutput(
            data.columns,
            data.category if self.supervised else self.can_build[0],
            trained.model_summary,
            trained.scoring_history,
            start_time=int(begin * 1000),
            end_time=int(time.time() * 1000),
            default_threshold=default_threshold(train if valid is None else valid),
            extra=trained.extra,
        )
        model = Model(
            key or self.model_key,
            self.algo,
            self.full_name,
            self.schema,
            data.key,
            self._actual(ctx),
            self.given,
            output,
            trained.state,
            int(time.time() * 1000),
            codec_of(trained.state) is not None,
            trained.deviance,
            trained.null_mu,
            attachments,
        )
        if train is not None:
            train = place(train, model, data.source, train.description)
            if not ctx.is_fold:
                store_metrics(self.node, train)
        if valid is not None and ctx.valid is not None:
            valid = place(valid, model, ctx.valid.source, valid.description)
            if not ctx.is_fold:
                store_metrics(self.node, valid)
        return replace(model, output=replace(output, training_metrics=train, validation_metrics=valid))

    def _actual(self, ctx: TrainContext) -> dict[str, Any]:
        """Parameters by wire name as they had effect: no fold assignment without folds, no stopping metric without rounds."""
        p: Parameters = ctx.params
        out = p.to_dict()
        if out.get("fold_assignment") == "AUTO":
            out["fold_assignment"] = None
        if out.get("stopping_metric") == "AUTO" and self.tells_stopping_metric:
            rounds = p.value("stopping_rounds", 0) > 0
            out["stopping_metric"] = stopping.resolve_metric("AUTO", ctx.data.category) if rounds else None
        if out.get("calibration_method") == "AUTO":
            out["calibration_method"] = "PlattScaling"
        return out

    def _adapted(self, v: Validation, frame: Frame | None, field: str, *, need_response: bool) -> TrainingData | None:
        if frame is None or self.data is None:
            return None
        try:
            return adapt(self.node, self.data.columns, frame, need_response=need_response)
        except BadRequestError as e:
            v.error(field, str(e))
            return None

    def _refuse_other_kind(self) -> None:
        held = self.node.dkv.get(self.model_key)
        if held is not None and not isinstance(held, Model):
            raise ClassMismatchError(
                f"Object '{self.model_key}' is a {type(held).__name__}, a Model was expected. Choose another model_id.",
                key=self.model_key,
            )

    # -- description --------------------------------------------------------------------------------------------------

    @classmethod
    def describe(
        cls, params: list[dict[str, Any]] | None = None, job: Any = None, validation: Validation | None = None
    ) -> dict[str, Any]:
        """The builder schema (GBMV3)."""
        return {
            "__meta": {"schema_version": 3, "schema_name": f"{cls.schema}V3", "schema_type": cls.schema},
            "_exclude_fields": None,
            "job": job,
            "algo": cls.algo,
            "algo_full_name": cls.full_name,
            "can_build": list(cls.can_build),
            "visibility": cls.visibility,
            "supervised": cls.supervised,
            "messages": validation.to_json() if validation is not None else [],
            "error_count": validation.error_count if validation is not None else 0,
            "parameters": cls.parameters.describe() if params is None else params,
        }


@wire_type("models.train_plan")
@dataclass(frozen=True, slots=True)
class TrainPlan:
    """A training job as a value: another node begins it again when the one that ran it is lost."""

    algo: str
    params: dict[str, Any]
    model_key: str
    user_agent: str = ""
    #: What was checked when the job began; not there on another node.
    builder: ModelBuilder | None = field(default=None, compare=False, metadata={"wire": False})

    def run(self, job: JobContext) -> Model:
        """Train."""
        if self.builder is not None:
            return self.builder.run(job)
        cls = load_builder(job.node.context, self.algo)
        made = cls(
            job.node.context, cls.parameters.from_dict({**self.params, "model_id": self.model_key}), user_agent=self.user_agent
        )
        model: Model = made.train(job)
        return model
