"""Handlers of frames: listing, windows, summaries, removal, download and export."""

from __future__ import annotations

from h2ok.capabilities.contracts.errors import ApiError
from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext, Response
from h2ok.capabilities.contracts.schema import Schema, api, key_ref
from h2ok.ext.rest.csv_export import ExportPlan, csv_chunks, plan_export, run_export
from h2ok.ext.rest.find import find_value
from h2ok.ext.rest.frame_view import Window, frame_json, synopsis
from h2ok.ext.rest.schemas.frames import DownloadDataV3, FindV3, FrameChunksV3, FrameChunkV3, FramesListV3, FramesV3
from h2ok.kernel import Frame, IllegalArgumentError


def list_frames(context: RequestContext, request: FramesListV3) -> FramesListV3:
    node = context.node
    return FramesListV3(_exclude_fields=request._exclude_fields, frames=synopsis(node, node.frames.list()))


def get_frame(context: RequestContext, request: FramesV3) -> FramesV3:
    return _window(context, request, _frame(context, request))


def get_light(context: RequestContext, request: FramesV3) -> FramesV3:
    return _window(context, request, _frame(context, request), light=True)


def get_summary(context: RequestContext, request: FramesV3) -> FramesV3:
    return _window(context, request, _frame(context, request), summary=True)


def get_column(context: RequestContext, request: FramesV3) -> FramesV3:
    return _window(context, request, _column_frame(context, request))


def get_column_summary(context: RequestContext, request: FramesV3) -> FramesV3:
    return _window(context, request, _column_frame(context, request), summary=True)


def get_column_domain(context: RequestContext, request: FramesV3) -> FramesV3:
    vec = _frame(context, request).vec(request.column)
    return _reply(request, domain=[list(vec.domain) if vec.domain is not None else None])


def delete_frame(context: RequestContext, request: FramesV3) -> FramesV3:
    context.node.frames.remove(_frame(context, request).key)
    return _reply(request)


def delete_all_frames(context: RequestContext, request: FramesV3) -> FramesV3:
    for frame in context.node.frames.list():
        context.node.frames.remove(frame.key)
    return _reply(request)


def _frame(context: RequestContext, request: FramesV3) -> Frame:
    return context.node.frames.get(request.frame_id or "")


def _column_frame(context: RequestContext, request: FramesV3) -> Frame:
    frame = _frame(context, request)
    frame.vec(request.column)
    return frame.select([frame.find(request.column)], key=frame.key)


def _window(context: RequestContext, request: FramesV3, frame: Frame, *, light: bool = False, summary: bool = False) -> FramesV3:
    if request.find_compatible_models:
        if not context.runtime.has_service("models.compatible"):
            raise IllegalArgumentError(
                "find_compatible_models needs an extension that provides the service 'models.compatible'; none is active.",
                argument="find_compatible_models",
            )
        request.compatible_models = list(context.runtime.service_named("models.compatible").of(frame))
    window = Window(
        request.row_offset or 0,
        -1 if request.row_count is None else request.row_count,
        request.column_offset or 0,
        -1 if request.column_count is None else request.column_count,
        -1 if request.full_column_count is None else request.full_column_count,
    )
    return _reply(request, frames=[frame_json(context.node, frame, window, light=light, summary=summary)])


def _reply(request: FramesV3, **values: object) -> FramesV3:
    for name, value in values.items():
        setattr(request, name, value)
    return request


# -- download and export ----------------------------------------------------------------------------------------------


class DownloadRequestV3(DownloadDataV3):
    """DownloadDataV3 with the parameter that clients send and H2O's schema does not list."""

    schema_name = "DownloadDataV3"
    escape_quotes: bool = api("boolean", True, direction="INPUT", help="Whether quotes inside text are doubled.")


def download(context: RequestContext, request: DownloadRequestV3) -> Response:
    frame = context.node.frames.get(request.frame_id)
    name = frame.key.rsplit("/", 1)[-1].removesuffix(".hex")
    plan = ExportPlan(hex_string=bool(request.hex_string), escape_quotes=request.escape_quotes is not False)
    return Response.attachment(csv_chunks(context.node, frame, plan), f"{name}.csv", "application/octet-stream;charset=utf-8")


def export(context: RequestContext, request: FramesV3) -> Schema:
    frame = _frame(context, request)
    if not request.path:
        raise IllegalArgumentError("Required field 'path' of FramesV3 is not specified.", argument="path", schema="FramesV3")
    plan = plan_export(context.runtime, frame, request)
    if not request.force and plan.exists(context.runtime):
        text = f"File {request.path} already exists!"
        raise ApiError(
            f"{text} Choose another path or pass force=true to replace it.",
            status=412,
            exception_type="water.exceptions.H2OIllegalArgumentException",
            argument=request.path,
            function="exportFrame",
            value=text,
        )
    job = context.node.jobs.start("Export dataset", frame.key, "Frame", lambda job: run_export(context.runtime, job, frame, plan))
    return _reply(request, job=JobV3.of(job))


def export_deprecated(context: RequestContext, request: FramesV3) -> Schema:
    return export(context, request)


# -- search and layout ------------------------------------------------------------------------------------------------


def find(context: RequestContext, request: FindV3) -> FindV3:
    frame = context.node.frames.get(request.key)
    before, after = find_value(context.node, frame, request.column, request.row, request.match)
    one = frame.subframe([request.column], frame.key) if request.column else frame
    request.key = frame_json(context.node, one, Window(row_offset=request.row))
    request.prev, request.next = before, after
    return request


def frame_chunks(context: RequestContext, request: FrameChunksV3) -> FrameChunksV3:
    frame = context.node.frames.get(request.frame_id)
    n, cloud = frame.n_chunks, context.node.cloud
    members = cloud.members
    chunks = [
        FrameChunkV3(
            chunk_id=i,
            row_count=int(frame.espc[i + 1] - frame.espc[i]),
            node_idx=members.index(cloud.chunk_home(i, n)),
        )
        for i in range(n)
    ]
    return FrameChunksV3(frame_id=key_ref("Frame", frame.key), chunks=chunks)
