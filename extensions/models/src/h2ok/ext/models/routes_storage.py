"""Routes that save models and grids and load them again."""

from __future__ import annotations

import json
from typing import Any

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.routes import RequestContext, Response
from h2ok.capabilities.contracts.schema import key_ref
from h2ok.ext.models.builders import builder_class
from h2ok.ext.models.grid import Grid
from h2ok.ext.models.lookup import find_model
from h2ok.ext.models.model import Model
from h2ok.ext.models.mojo import pack
from h2ok.ext.models.recovery import load_references, save_references
from h2ok.ext.models.routes_grid import find_grid
from h2ok.ext.models.routes_models import model_json
from h2ok.ext.models.storage import read_file, restore, saved, write_file
from h2ok.kernel import IllegalArgumentError, KeyNotFoundError

__all__ = [
    "export_grid",
    "export_json",
    "export_model",
    "export_mojo",
    "fetch_json",
    "fetch_model",
    "fetch_mojo",
    "import_grid",
    "import_model",
    "upload_model",
]

_KINDS: tuple[type[Model | Grid], ...] = (Model, Grid)


def _flag(ctx: RequestContext, name: str, default: bool = False) -> bool:
    return str(ctx.params.get(name, default)).lower() in ("true", "1")


def _folder(ctx: RequestContext, name: str, function: str) -> str:
    value = str(ctx.params.get(name) or "").strip()
    if not value:
        raise IllegalArgumentError(f"{function} needs a path in {name}; none was given.", argument=name, function=function)
    return value


def _meta(name: str, kind: str = "Iced", version: int = 3) -> dict[str, Any]:
    return {"schema_version": version, "schema_name": name, "schema_type": kind}


def _export(ctx: RequestContext, function: str, data: bytes, model: Model) -> dict[str, Any]:
    path = _folder(ctx, "dir", function)
    force = _flag(ctx, "force", default=True)
    write_file(ctx.runtime, path, data, force=force, function=function)
    return {
        "__meta": _meta("ModelExportV3"),
        "_exclude_fields": "",
        "model_id": key_ref("Model", model.key),
        "dir": path,
        "force": force,
        "export_cross_validation_predictions": _flag(ctx, "export_cross_validation_predictions"),
    }


def export_model(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Save a model."""
    model = find_model(ctx.node, ctx.path_params["model_id"], argument="model_id")
    data = saved(ctx.runtime, model, predictions=_flag(ctx, "export_cross_validation_predictions"))
    return _export(ctx, "exportModel", data, model)


def export_json(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Save what a model reports as JSON."""
    model = find_model(ctx.node, ctx.path_params["model_id"], argument="model_id")
    return _export(ctx, "exportModelDetails", json.dumps(model_json(ctx, model)).encode(), model)


def _models(ctx: RequestContext, model: Model | Grid) -> dict[str, Any]:
    if not isinstance(model, Model):
        raise BadRequestError(f"The file holds the grid '{model.key}', a model was expected. Import it as a grid.")
    return {
        "__meta": _meta("ModelsV3", "Models"),
        "_exclude_fields": "",
        "models": [model_json(ctx, model)],
        "compatible_frames": None,
    }


def import_model(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Load a saved model."""
    data = read_file(ctx.runtime, _folder(ctx, "dir", "importModel"), "importModel")
    return _models(ctx, restore(ctx.runtime, data, _KINDS))


def upload_model(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Load a model from an uploaded file."""
    key = _folder(ctx, "dir", "uploadModel")
    raw = ctx.node.dkv.get(key)
    if raw is None:
        raise KeyNotFoundError(f"Upload '{key}' not found. Upload the file first.", argument="dir", name=key)
    if not getattr(raw, "n_blocks", 0):
        raise BadRequestError(f"'{key}' is no uploaded file.", argument="dir")
    blocks = [ctx.node.dkv.get(k) for k in raw.vec_keys()]
    if any(b is None for b in blocks):
        raise KeyNotFoundError(f"The bytes of upload '{key}' are gone. Upload the file again.", argument="dir", name=key)
    return _models(ctx, restore(ctx.runtime, b"".join(b.tobytes() for b in blocks), _KINDS))


def fetch_model(ctx: RequestContext, _request: Any) -> Response:
    """Download a model."""
    model = find_model(ctx.node, ctx.path_params["model_id"], argument="model_id")
    return Response.attachment(saved(ctx.runtime, model), model.key)


def fetch_json(ctx: RequestContext, _request: Any) -> Response:
    """Download what a model reports as JSON."""
    model = find_model(ctx.node, ctx.path_params["model_id"], argument="model_id")
    return Response.attachment(json.dumps(model_json(ctx, model)).encode(), f"{model.key}.json", "application/json")


def export_mojo(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Save a model as a MOJO."""
    model = find_model(ctx.node, ctx.path_params["model_id"], argument="model_id")
    return _export(ctx, "exportMojo", pack(model), model)


def fetch_mojo(ctx: RequestContext, _request: Any) -> Response:
    """Download a model as a MOJO."""
    model = find_model(ctx.node, ctx.path_params["model_id"], argument="model_id")
    return Response.attachment(pack(model), f"{model.key}.zip")


def _grid_ref(grid: Grid) -> dict[str, Any]:
    ref = key_ref("Grid", grid.key)
    assert ref is not None
    return ref


def export_grid(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Save a grid with its models into a folder."""
    grid = find_grid(ctx, ctx.path_params["grid_id"])
    folder = _folder(ctx, "grid_directory", "exportGrid").rstrip("/")
    if _flag(ctx, "save_params_references"):
        save_references(ctx.runtime, folder, grid, builder_class(ctx.runtime, grid.algo).parameters)
    data = saved(ctx.runtime, grid, predictions=_flag(ctx, "export_cross_validation_predictions"))
    write_file(ctx.runtime, f"{folder}/{grid.key}", data, force=True, function="exportGrid")
    return _grid_ref(grid)


def import_grid(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Load a saved grid with its models."""
    path = _folder(ctx, "grid_path", "importGrid")
    if _flag(ctx, "load_params_references"):
        load_references(ctx.runtime, path)
    grid = restore(ctx.runtime, read_file(ctx.runtime, path, "importGrid"), _KINDS)
    if not isinstance(grid, Grid):
        raise BadRequestError(f"'{path}' holds the model '{grid.key}', a grid was expected. Load it as a model.")
    return _grid_ref(grid)
