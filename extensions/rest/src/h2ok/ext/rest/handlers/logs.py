"""Handlers of logs."""

# ruff: noqa: ARG001 - every handler takes (context, request)
from __future__ import annotations

import io
import logging
import time
import zipfile
from typing import Any

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.routes import RequestContext, Response
from h2ok.ext.rest.members import member_index
from h2ok.ext.rest.schemas.metadata import LogAndEchoV3, LogsV3

_log = logging.getLogger("h2ok.client")
_CONTAINERS = ("ZIP", "LOG")
_MAX_MESSAGE = 100_000


def log_and_echo(context: RequestContext, request: LogAndEchoV3) -> LogAndEchoV3:
    _log.info("%s", (request.message or "")[:_MAX_MESSAGE])
    return request


def read_log(context: RequestContext, request: LogsV3) -> LogsV3:
    index = member_index(context, request.nodeidx)
    name = request.name or "default"
    text = context.node.rpc.call(index, "rest.log", name, timeout=10.0)
    if text is None:
        raise BadRequestError(
            f"There is no log '{name}'. Logs: default, trace, debug, info, warn, error, fatal, httpd, stdout, stderr."
        )
    request.name, request.log = name, text
    return request


def download_logs(context: RequestContext, request: Any) -> Response:
    """All logs of all nodes, as a zip of one text a node or as one text."""
    container = context.path_params.get("container", "ZIP").upper()
    if container not in _CONTAINERS:
        raise BadRequestError(f"'{container}' is no container for logs. Containers: {', '.join(_CONTAINERS)}.")
    cloud = context.node.cloud
    futures = [context.node.rpc.submit(i, "rest.log", "default", timeout=10.0) for i in range(cloud.size)]
    texts: dict[str, str] = {}
    for i, (member, future) in enumerate(zip(cloud.members, futures, strict=True)):
        try:
            texts[f"node{i}_{member.ip}_{member.port}"] = future.result(timeout=11.0) or ""
        except Exception as e:  # the logs of the others are worth having, above all when a node is lost
            texts[f"node{i}_{member.ip}_{member.port}"] = f"No answer: {e}\n"
    stem = "h2ologs_" + time.strftime("%Y%m%d_%H%M%S")
    if container == "LOG":
        body = "".join(f"==== {name} ====\n{text}\n" for name, text in texts.items()).encode("utf-8", "replace")
        return _attachment(body, f"{stem}.log", "text/plain")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(f"{stem}/{name}.log", text)
    return _attachment(buffer.getvalue(), f"{stem}.zip")


def _attachment(body: bytes, filename: str, kind: str = "application/octet-stream") -> Response:
    # Without quotes, as H2O sends it: the official client takes what follows for the name of the file.
    return Response(body, content_type=kind, headers={"Content-Disposition": f"attachment; filename={filename}"})
