"""Handlers of saved frames."""

from __future__ import annotations

from h2ok.capabilities.contracts.errors import ApiError
from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.rest.csv_export import storage
from h2ok.ext.rest.schemas.saved import FrameLoadV3, FrameSaveV3
from h2ok.kernel import IllegalArgumentError, JobContext
from h2ok.kernel.frame.file import read_frame, write_frame


def save(context: RequestContext, request: FrameSaveV3) -> FrameSaveV3:
    """Save a frame as ``dir``/``frame_id``."""
    frame = context.node.frames.get(request.frame_id or "")
    path = _path(request.dir, frame.key)
    store = storage(context.runtime, _scheme(path))
    if not request.force and store.exists(path):
        raise ApiError(
            f"File {path} already exists! Choose another folder or pass force=true to replace it.",
            status=412,
            exception_type="water.exceptions.H2OIllegalArgumentException",
            argument="dir",
        )

    def work(job: JobContext) -> None:
        with store.create(path, overwrite=True) as out:
            write_frame(context.node, frame, out, job.update)

    request.job = JobV3.of(context.node.jobs.start("Save frame", frame.key, "Frame", work))
    return request


def load(context: RequestContext, request: FrameLoadV3) -> FrameLoadV3:
    """Load the frame ``frame_id`` from ``dir``/``frame_id``."""
    key = request.frame_id
    if not key:
        raise IllegalArgumentError("Required field 'frame_id' of FrameLoadV3 is not specified.", argument="frame_id")
    if not request.force and context.node.dkv.get(key) is not None:
        raise IllegalArgumentError(f"Frame '{key}' exists already. Pass force=true to replace it.", argument="frame_id", key=key)
    path = _path(request.dir, key)
    store = storage(context.runtime, _scheme(path))
    if not store.exists(path):
        raise ApiError(
            f"There is no saved frame {path}. It is looked for under the name of the frame in the folder.",
            status=412,
            exception_type="water.exceptions.H2OIllegalArgumentException",
            argument="dir",
        )

    def work(job: JobContext) -> None:
        with store.open(path) as source:
            read_frame(context.node, source, key, job.update)

    request.job = JobV3.of(context.node.jobs.start("Load frame", key, "Frame", work))
    return request


def _path(folder: str | None, key: str) -> str:
    if not folder:
        raise IllegalArgumentError("Required field 'dir' is not specified: the folder of the saved frame.", argument="dir")
    return f"{folder.rstrip('/')}/{key.replace('/', '_')}"


def _scheme(path: str) -> str:
    return path.partition("://")[0] if "://" in path else ""
