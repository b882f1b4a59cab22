"""Mojo: a model in H2O's portable scoring format, made of what the author of an algorithm gives and of what every model has.

A MOJO is a zip with ``model.ini`` (sections info, columns and domains), one file of levels for each categorical column, and the
algorithm's own files. H2O's scoring library chooses its reader by ``algorithm`` in the info section, so a codec writes a model as
one of the kinds that library knows; `linear` is the one for linear predictors.
"""

from __future__ import annotations

import io
import math
import struct
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.models.balance import CLASS_SHARES
from h2ok.ext.models.calibration import CALIBRATION, IsotonicCalibration, PlattCalibration
from h2ok.kernel import IllegalArgumentError

if TYPE_CHECKING:
    from h2ok.ext.models.datainfo import DataInfo
    from h2ok.ext.models.model import Model
    from numpy.typing import NDArray

__all__ = ["Mojo", "blob", "codec_of", "linear", "pack"]


@dataclass(frozen=True, slots=True)
class Mojo:
    """What a codec gives.

    Attributes
    ----------
    algorithm : name that selects H2O's reader, as ``"Generalized Linear Modeling"``.
    algo : short name, as ``"glm"``.
    version : version of the reader's format, as ``"1.00"``.
    info : what the reader looks up: bool, int, float, text, None, or arrays of ints or floats. Floats are written with a point, as
        the reader demands, so the Python type decides.
    files : further files by name.
    inputs : predictors in the order the reader expects; empty: as the model was trained.
    priors : share of each class in training, which decides between equally probable classes; None: that of the training metrics.
    """

    algorithm: str
    algo: str
    version: str
    info: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    priors: tuple[float, ...] | None = None


def codec_of(state: Any) -> Callable[[Model], Mojo] | None:
    """The function that makes the Mojo of a model with this state; None when the algorithm's author gave none."""
    found: Callable[[Model], Mojo] | None = getattr(state, "mojo", None)
    return found


def pack(model: Model) -> bytes:
    """The MOJO of a model as the bytes of a zip; the same model gives the same bytes.

    Raises
    ------
    IllegalArgumentError
        The algorithm has no codec.
    BadRequestError
        The format cannot carry one of the names of the model's columns.
    """
    codec = codec_of(model.state)
    if codec is None:
        raise IllegalArgumentError(
            f"Model '{model.key}' ({model.full_name}) cannot be exported as a MOJO: its algorithm has no codec for "
            f"{model.output.category} models. Save it with GET /99/Models.bin/{model.key} instead.",
            argument="model_id",
        )
    encoding = model.parameters.get("categorical_encoding")
    if any(e is not None for e in model.output.columns.encoded):
        raise IllegalArgumentError(
            f"Model '{model.key}' cannot be exported as a MOJO: {encoding} encoding is not written yet. Train without "
            "categorical_encoding, or save it with GET /99/Models.bin.",
            argument="model_id",
        )
    if CLASS_SHARES in model.attachments:
        raise IllegalArgumentError(
            f"Model '{model.key}' cannot be exported as a MOJO: H2O's readers of linear models do not correct the probabilities of "
            "balance_classes. Train without it, or save the model with GET /99/Models.bin.",
            argument="model_id",
        )
    mojo = _with_calibration(codec(model), model)
    names, domains = _columns(model, mojo)
    files: dict[str, bytes] = {"model.ini": _ini(model, mojo, names, domains).encode()}
    for k, (_, levels) in enumerate(_categorical(domains)):
        files[f"domains/d{k:03d}.txt"] = "".join(f"{_escaped(level)}\n" for level in levels).encode()
    for name, data in mojo.files.items():
        if name in files:
            raise ValueError(f"The codec of '{model.algo}' gives a file '{name}', which every MOJO has. Choose another name.")
        files[name] = data
    out = io.BytesIO()
    when = time.gmtime(max(model.timestamp // 1000, 315532800))[:6]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, when), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def blob(values: NDArray[np.float64]) -> bytes:
    """Doubles as a file of a MOJO: their number, then each, big-endian."""
    return struct.pack(">i", len(values)) + np.asarray(values, dtype=">f8").tobytes()


def _with_calibration(mojo: Mojo, model: Model) -> Mojo:
    """The calibration of the probabilities, which the reader knows for tree models."""
    found = model.attachments.get(CALIBRATION)
    if isinstance(found, PlattCalibration):
        # The reader applies it to the probability of the first class.
        beta = [-found.slope, found.intercept + found.slope]
        return replace(mojo, info={**mojo.info, "calib_method": "platt", "calib_glm_beta": beta})
    if isinstance(found, IsotonicCalibration):
        ends = {"calib_min_x": float(found.x[0]), "calib_max_x": float(found.x[-1])}
        files = {"calib/thresholds_x": blob(found.x), "calib/thresholds_y": blob(found.y)}
        return replace(mojo, info={**mojo.info, "calib_method": "isotonic", **ends}, files={**mojo.files, **files})
    return mojo


def linear(
    model: Model, info: DataInfo, beta: NDArray[np.float64], *, family: str = "gaussian", link: str = "identity", **more: Any
) -> Mojo:
    """A linear predictor over the columns ``info`` makes, as H2O's GLM.

    Parameters
    ----------
    beta : float64[p + 1], coefficients of the columns as ``info`` expands them, the intercept last; float64[n_classes, p + 1] for
        family multinomial.
    family, link : as in H2O: gaussian and identity, binomial and logit, poisson and log, ...
    more : further values for the reader, or other ones than those written here.
    """
    rows = np.atleast_2d(np.asarray(beta, dtype=np.float64))
    if rows.shape[1] != info.n_expanded + 1:
        raise ValueError(
            f"beta has {rows.shape[1]} columns; {info.n_expanded} for the expanded columns and one for the intercept were expected."
        )
    names = model.output.columns.names
    values = {
        "use_all_factor_levels": not info.drop_first,
        "cats": len(info.categorical),
        "cat_offsets": info.first,
        "nums": len(info.numeric),
        "mean_imputation": True,
        "num_means": info.means,
        "cat_modes": info.modes,
        "beta": np.concatenate([info.destandardize(b) for b in rows]),
        "family": family,
        "link": link,
    }
    inputs = tuple(names[j] for j in (*info.categorical, *info.numeric))
    return Mojo("Generalized Linear Modeling", "glm", "1.00", {**values, **more}, inputs=inputs)


def _columns(model: Model, mojo: Mojo) -> tuple[list[str], list[tuple[str, ...] | None]]:
    """Names and levels of all columns: inputs, then the other ones, the response last."""
    columns = model.output.columns
    inputs = mojo.inputs or columns.names
    if sorted(inputs) != sorted(columns.names):
        raise ValueError(f"The codec of '{model.algo}' orders the columns {inputs}; the model has {columns.names}.")
    at = {n: i for i, n in enumerate(columns.names)}
    n = len(inputs)
    names = [*inputs, *columns.all_names()[n:]]
    bad = [c for c in names if c != c.strip() or not c or c[0] in "#[" or "\n" in c or "\r" in c]
    if bad:
        raise BadRequestError(
            f"A MOJO cannot carry columns named {', '.join(map(repr, bad[:5]))}: names must not begin with # or [, nor begin or "
            "end with a blank, nor hold line ends. Rename the columns and train again."
        )
    return names, [*(columns.domains[at[c]] for c in inputs), *columns.all_domains()[n:]]


def _categorical(domains: list[tuple[str, ...] | None]) -> list[tuple[int, tuple[str, ...]]]:
    return [(i, d) for i, d in enumerate(domains) if d is not None]


def _ini(model: Model, mojo: Mojo, names: list[str], domains: list[tuple[str, ...] | None]) -> str:
    columns, output = model.output.columns, model.output
    categorical = _categorical(domains)
    info: dict[str, Any] = {
        "h2o_version": f"h2ok {version('h2ok-models')}",
        "mojo_version": mojo.version,
        "license": "Apache License Version 2.0",
        "algo": mojo.algo,
        "algorithm": mojo.algorithm,
        "endianness": "LITTLE_ENDIAN",
        "category": output.category,
        "uuid": str(model.checksum),
        "supervised": columns.response is not None,
        "n_features": len(columns.names),
        "n_classes": len(columns.response_domain or ()) or 1,
        "n_columns": len(names),
        "n_domains": len(categorical),
    }
    info.update({k: v for k, v in (("offset_column", columns.offset), ("fold_column", columns.fold)) if v is not None})
    info.update(
        balance_classes=False,
        default_threshold=float(output.default_threshold),
        prior_class_distrib=list(mojo.priors) if mojo.priors else None,
        model_class_distrib=None,
        timestamp=time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(model.timestamp / 1000)),
        escape_domain_values=True,
    )
    doubled = sorted(info.keys() & mojo.info.keys())
    if doubled:
        raise ValueError(f"The codec of '{model.algo}' gives {', '.join(doubled)}, which the framework writes. Leave them out.")
    info.update(mojo.info)
    lines = ["[info]", *(f"{k} = {_value(k, v)}" for k, v in info.items()), "", "[columns]", *names, "", "[domains]"]
    lines += [f"{i}: {len(d)} d{k:03d}.txt" for k, (i, d) in enumerate(categorical)]
    return "\n".join(lines) + "\n"


def _class_shares(model: Model) -> tuple[float, ...]:
    """Share of each class among the training rows, as the confusion matrix counts them; empty when there is none."""
    metrics, k = model.output.training_metrics, len(model.output.columns.response_domain or ())
    table = metrics.get("cm") if metrics is not None else None
    if table is None or not k:
        return ()
    counts = np.array([column[:k] for column in table.data[:k]], dtype=np.float64).sum(axis=0)
    return tuple((counts / counts.sum()).tolist()) if counts.sum() > 0 else ()


def _value(key: str, value: Any) -> str:
    """A value as H2O's reader guesses its type: floats always with a point."""
    if value is None:
        return "null"
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return _number(float(value))
    if isinstance(value, str):
        if "\n" in value or "\r" in value:
            raise ValueError(f"The value of '{key}' in a MOJO has several lines; give it as a file.")
        return value
    if isinstance(value, (list, tuple, np.ndarray)):
        return f"[{', '.join(_value(key, v) for v in value)}]"
    raise TypeError(
        f"'{key}' in a MOJO is a {type(value).__name__}; bool, int, float, text, None or an array of one of them was expected."
    )


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    mantissa, e, exponent = repr(value).partition("e")
    return mantissa + ("" if "." in mantissa else ".0") + (f"E{int(exponent)}" if e else "")


def _escaped(level: str) -> str:
    return level.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
