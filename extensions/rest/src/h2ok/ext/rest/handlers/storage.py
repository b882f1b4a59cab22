"""Handlers of node persistent storage: small documents (Flow notebooks) in a folder of the node."""

# ruff: noqa: ARG001 - every handler takes (context, request)
from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.routes import RequestContext, Response
from h2ok.capabilities.contracts.schema import to_wire
from h2ok.ext.rest.schemas.metadata import NodePersistentStorageEntryV3, NodePersistentStorageV3
from h2ok.kernel import IllegalArgumentError

_MAX_BYTES = 64 << 20
_MAX_NAME = 200


def configured(context: RequestContext, request: NodePersistentStorageV3) -> NodePersistentStorageV3:
    request.configured = bool(context.node.config.ice_root)
    return request


def category_exists(context: RequestContext, request: NodePersistentStorageV3) -> NodePersistentStorageV3:
    request.exists = _folder(context, request.category).is_dir()
    return request


def name_exists(context: RequestContext, request: NodePersistentStorageV3) -> NodePersistentStorageV3:
    request.exists = _file(context, request.category, request.name).is_file()
    return request


def list_category(context: RequestContext, request: NodePersistentStorageV3) -> NodePersistentStorageV3:
    folder = _folder(context, request.category)
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")) if folder.is_dir() else []
    request.entries = [
        NodePersistentStorageEntryV3(
            category=request.category,
            name=p.name,
            size=p.stat().st_size,
            timestamp_millis=int(p.stat().st_mtime * 1000),
        )
        for p in files
    ]
    return request


def get_value(context: RequestContext, request: NodePersistentStorageV3) -> NodePersistentStorageV3:
    request.value = _read(_file(context, request.category, request.name)).decode("utf-8", "replace")
    return request


def put_value(context: RequestContext, request: NodePersistentStorageV3) -> NodePersistentStorageV3:
    _write(_file(context, request.category, request.name), (request.value or "").encode("utf-8", "surrogatepass"))
    request.value = None  # type: ignore[assignment]
    return request


def put_new(context: RequestContext, request: NodePersistentStorageV3) -> NodePersistentStorageV3:
    """Store under a name we choose."""
    request.name = secrets.token_hex(16)
    return put_value(context, request)


def remove_value(context: RequestContext, request: NodePersistentStorageV3) -> NodePersistentStorageV3:
    _file(context, request.category, request.name).unlink(missing_ok=True)
    return request


def get_bytes(context: RequestContext, request: Any) -> Response:
    category, name = context.path_params["category"], context.path_params["name"]
    body = _read(_file(context, category, name))
    return Response.attachment(body, f"{name}.flow")


def put_bytes(context: RequestContext, request: Any) -> dict[str, Any]:
    category, name = context.path_params["category"], context.path_params["name"]
    path = _file(context, category, name)
    body = context.body.read(_MAX_BYTES + 1) if context.body is not None else b""
    if len(body) > _MAX_BYTES:
        raise IllegalArgumentError(f"The document is larger than {_MAX_BYTES} bytes.", argument="body")
    _write(path, body)
    out: dict[str, Any] = to_wire({"category": category, "name": name, "total_bytes": len(body)})
    return out


def _root(context: RequestContext) -> Path:
    root = context.node.config.ice_root
    if not root:
        raise BadRequestError("This node has no folder for documents. Start it with --ice-root FOLDER.")
    return Path(root) / "h2oflows"


def _part(text: str | None, what: str) -> str:
    """A name that stays inside its folder."""
    name = text or ""
    if not name or len(name) > _MAX_NAME or name.startswith(".") or any(c in "/\\:" or ord(c) < 32 for c in name):
        raise IllegalArgumentError(
            f"{what} must have 1 to {_MAX_NAME} characters, not start with a dot and hold no slash, colon or control character; "
            f"got {name[:80]!r}.",
            argument=what,
        )
    return name


def _folder(context: RequestContext, category: str | None) -> Path:
    return _root(context) / _part(category, "category")


def _file(context: RequestContext, category: str | None, name: str | None) -> Path:
    return _folder(context, category) / _part(name, "name")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise BadRequestError(f"There is no document '{path.name}' in category '{path.parent.name}'.") from e


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if len(body) > free:
        raise IllegalArgumentError(f"The document has {len(body)} bytes, the disk has {free} free.", argument="body")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    part.write_bytes(body)
    part.replace(path)
