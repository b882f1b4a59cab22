"""The core routes. Handlers are named by text and imported with the first request that needs them."""

from __future__ import annotations

from h2ok.capabilities.contracts.routes import Route
from h2ok.ext.rest.schemas import cluster, frames, metadata, saved

__all__ = ["CORE_V3", "CORE_V4"]

_H = "h2ok.ext.rest.handlers."


def _route(
    spec: str,
    handler: str,
    schema: type | str | None,
    summary: str,
    api_name: str,
    output: type | str | None = None,
    **options: bool,
) -> Route:
    method, path = spec.split(" ", 1)
    return Route(method, path, _H + handler, input=schema, output=output or schema, summary=summary, api_name=api_name, **options)


_CLUSTER = [
    _route("GET /3/Cloud", "cluster:cloud", cluster.CloudV3, "State of the cloud.", "cloudStatus"),
    _route("GET /99/Sample", "cluster:cloud", cluster.CloudV3, "State of the cloud, as a sample of a route.", "_sample_status"),
    _route("HEAD /3/Cloud", "cluster:cloud_minimal", cluster.CloudV3, "Whether the cloud answers.", "cloudStatusMinimal"),
    _route("GET /3/Ping", "cluster:ping", cluster.PingV3, "Health of the cloud.", "ping"),
    _route("POST /3/CloudLock", "cluster:cloud_lock", cluster.CloudLockV3, "Fix the membership.", "cloudLock"),
    _route("GET /3/About", "cluster:about", cluster.AboutV3, "Facts about this build.", "about"),
    _route("POST /3/Shutdown", "cluster:shutdown", cluster.ShutdownV3, "End the cloud.", "shutdown"),
    _route("POST /3/GarbageCollect", "cluster:garbage_collect", cluster.GarbageCollectV3, "Free memory.", "garbageCollect"),
    _route("POST /3/UnlockKeys", "cluster:unlock_keys", cluster.UnlockKeysV3, "Release locks on keys.", "unlockAllKeys"),
    _route("GET /3/InitID", "cluster:new_session", cluster.InitIDV3, "Open a session.", "newSession"),
    _route("DELETE /3/InitID", "cluster:end_session", cluster.InitIDV3, "End a session.", "endSession"),
    _route(
        "POST /3/SessionProperties",
        "cluster:set_session_property",
        cluster.SessionPropertyV3,
        "Set a property.",
        "setSessionProperty",
    ),
    _route(
        "GET /3/SessionProperties",
        "cluster:get_session_property",
        cluster.SessionPropertyV3,
        "Get a property.",
        "getSessionProperty",
    ),
    _route("GET /3/JStack", "cluster:jstack", cluster.JStackV3, "Stacks of all threads.", "jstack"),
    _route("GET /3/Profiler", "cluster:profiler", cluster.ProfilerV3, "Where the threads spend their time.", "profiler"),
    _route("GET /3/KillMinus3", "cluster:kill_minus_3", cluster.KillMinus3V3, "Write the stacks to the log.", "killm3"),
    _route("GET /3/NetworkTest", "cluster:network_test", cluster.NetworkTestV3, "Measure messages between nodes.", "networkTest"),
    _route(
        "GET /3/WaterMeterCpuTicks/{nodeidx}",
        "cluster:cpu_ticks",
        cluster.WaterMeterCpuTicksV3,
        "CPU time by core.",
        "waterMeterCpu",
    ),
    _route("GET /3/WaterMeterIo", "monitoring:io", cluster.WaterMeterIoV3, "Reads and writes.", "waterMeterIoForCluster"),
    _route(
        "GET /3/WaterMeterIo/{nodeidx}",
        "monitoring:io",
        cluster.WaterMeterIoV3,
        "Reads and writes of a node.",
        "waterMeterIoForNode",
    ),
    _route("GET /3/Timeline", "monitoring:timeline", cluster.TimelineV3, "The latest messages between nodes.", "timeline"),
    _route("POST /3/CloudLeave", "monitoring:leave", cluster.CloudLeaveV3, "Take a node out after a hand-over.", "cloudLeave"),
    _route("GET /3/CloudState", "monitoring:state", None, "Lost nodes, and whether new ones may come.", "cloudState"),
    _route("GET /metrics", "monitoring:metrics", None, "Numbers of this node for Prometheus.", "metrics"),
    _route("GET /health", "monitoring:health", None, "Whether this process works: 200 or 503.", "health"),
    _route("GET /ready", "monitoring:ready", None, "Whether this node takes requests: 200 or 503.", "ready"),
]

_JOBS = [
    _route("GET /3/Jobs", "jobs:list_jobs", cluster.JobsV3, "All jobs.", "jobs"),
    _route("GET /3/Jobs/{job_id}", "jobs:get_job", cluster.JobsV3, "One job.", "job"),
    _route("POST /3/Jobs/{job_id}/cancel", "jobs:cancel_job", cluster.JobsV3, "Ask a job to stop.", "cancelJob"),
]

_F = frames.FramesV3
_DOWNLOAD = "h2ok.ext.rest.handlers.frames:DownloadRequestV3"
_FRAMES = [
    _route("GET /3/Frames", "frames:list_frames", frames.FramesListV3, "All frames.", "frames"),
    _route("DELETE /3/Frames", "frames:delete_all_frames", _F, "Remove all frames.", "deleteAllFrames"),
    _route("GET /3/Frames/{frame_id}", "frames:get_frame", _F, "A frame with a window of its data.", "frame"),
    _route("GET /3/Frames/{frame_id}/light", "frames:get_light", _F, "A frame without sizes and tables.", "lightFrame"),
    _route(
        "GET /3/Frames/{frame_id}/summary", "frames:get_summary", _F, "A frame with histograms and percentiles.", "frameSummary"
    ),
    _route("GET /3/Frames/{frame_id}/columns", "frames:get_frame", _F, "Columns of a frame.", "frameColumns"),
    _route("GET /3/Frames/{frame_id}/columns/{column}", "frames:get_column", _F, "One column.", "frameColumn"),
    _route(
        "GET /3/Frames/{frame_id}/columns/{column}/summary",
        "frames:get_column_summary",
        _F,
        "Summary of a column.",
        "frameColumnSummary",
    ),
    _route(
        "GET /3/Frames/{frame_id}/columns/{column}/domain",
        "frames:get_column_domain",
        _F,
        "Levels of a column.",
        "frameColumnDomain",
    ),
    _route("DELETE /3/Frames/{frame_id}", "frames:delete_frame", _F, "Remove a frame.", "deleteFrame"),
    _route("POST /3/Frames/{frame_id}/export", "frames:export", _F, "Write a frame to files.", "exportFrame"),
    _route(
        "GET /3/Frames/{frame_id}/export/{path}/overwrite/{force}",
        "frames:export_deprecated",
        _F,
        "Write a frame to a file.",
        "exportFrame_deprecated",
    ),
    _route(
        "GET /3/FrameChunks/{frame_id}",
        "frames:frame_chunks",
        frames.FrameChunksV3,
        "Where the chunks of a frame are.",
        "frameChunks",
    ),
    _route("GET /3/DownloadDataset", "frames:download", _DOWNLOAD, "A frame as CSV.", "downloadDataset", frames.DownloadDataV3),
    _route(
        "GET /3/DownloadDataset.bin",
        "frames:download",
        _DOWNLOAD,
        "A frame as CSV.",
        "downloadDatasetStreaming",
        frames.DownloadDataV3,
    ),
    _route(
        "GET /3/Typeahead/files", "files:typeahead", metadata.TypeaheadV3, "File names that begin with a text.", "typeaheadFiles"
    ),
    _route("POST /3/Frames/{frame_id}/save", "saved:save", saved.FrameSaveV3, "Save a frame.", "saveFrame"),
    _route("POST /3/Frames/load", "saved:load", saved.FrameLoadV3, "Load a saved frame.", "loadFrame"),
    _route("GET /3/Find", "frames:find", frames.FindV3, "Search for a value.", "findInFrame"),
    _route("DELETE /3/DKV/{key}", "keys:delete_key", frames.RemoveV3, "Remove an object.", "deleteKey"),
    _route("DELETE /3/DKV", "keys:delete_all_keys", frames.RemoveAllV3, "Remove all objects.", "deleteAllKeys"),
]

_M = metadata.MetadataV3
_METADATA = [
    _route("GET /3/Metadata/endpoints", "metadata:endpoints", _M, "All routes.", "endpoints"),
    _route("GET /3/Metadata/endpoints/{path}", "metadata:endpoint", _M, "One route.", "endpoint"),
    _route(
        "GET /3/Metadata/schemaclasses/{classname}",
        "metadata:schema_for_class",
        _M,
        "Schema of a kind of object.",
        "schemaForClass",
    ),
    _route("GET /3/Metadata/schemas/{schemaname}", "metadata:schema", _M, "One schema.", "schema"),
    _route("GET /3/Metadata/schemas", "metadata:schemas", _M, "All schemas.", "schemas"),
    _route("GET /3/Capabilities", "capabilities:list_all", metadata.CapabilitiesV3, "All capabilities.", "list_all_capabilities"),
    _route(
        "GET /3/Capabilities/Core",
        "capabilities:list_core",
        metadata.CapabilitiesV3,
        "Core capabilities.",
        "list_core_capabilities",
    ),
    _route(
        "GET /3/Capabilities/API", "capabilities:list_api", metadata.CapabilitiesV3, "REST capabilities.", "list_rest_capabilities"
    ),
    _route(
        "GET /3/Capabilities/Extensions",
        "capabilities:list_extensions",
        metadata.CapabilitiesV3,
        "All extensions with state.",
        "list_extensions",
    ),
    _route("POST /3/LogAndEcho", "logs:log_and_echo", metadata.LogAndEchoV3, "Write a line to the log.", "logAndEcho"),
    _route("GET /3/Logs/nodes/{nodeidx}/files/{name}", "logs:read_log", metadata.LogsV3, "Text of a log.", "logs"),
    Route("GET", "/3/Logs/download", _H + "logs:download_logs", summary="All logs.", api_name="logsDownload"),
    Route("GET", "/3/Logs/download/{container}", _H + "logs:download_logs", summary="All logs.", api_name="logsDownloadContainer"),
]

_N = metadata.NodePersistentStorageV3
_NPS = "/3/NodePersistentStorage"
_STORAGE = [
    _route(
        f"GET {_NPS}/categories/{{category}}/names/{{name}}/exists",
        "storage:name_exists",
        _N,
        "Whether it is there.",
        "npsContains",
    ),
    _route(
        f"GET {_NPS}/categories/{{category}}/exists", "storage:category_exists", _N, "Whether it is there.", "npsExistsCategory"
    ),
    _route(f"GET {_NPS}/configured", "storage:configured", _N, "Whether there is a folder.", "npsEnabled"),
    _route(f"POST {_NPS}/{{category}}/{{name}}", "storage:put_value", _N, "Store a document.", "npsPut"),
    _route(f"GET {_NPS}/{{category}}/{{name}}", "storage:get_value", _N, "A document.", "npsGet"),
    _route(f"DELETE {_NPS}/{{category}}/{{name}}", "storage:remove_value", _N, "Remove a document.", "npsRemove"),
    _route(f"POST {_NPS}/{{category}}", "storage:put_new", _N, "Store a document under a new name.", "npsCreateCategory"),
    _route(f"GET {_NPS}/{{category}}", "storage:list_category", _N, "Documents of a category.", "npsKeys"),
    Route(
        "GET", f"{_NPS}.bin/{{category}}/{{name}}", _H + "storage:get_bytes", summary="A document as a file.", api_name="npsGetBin"
    ),
    Route(
        "POST",
        f"{_NPS}.bin/{{category}}/{{name}}",
        _H + "storage:put_bytes",
        summary="Store a file.",
        api_name="npsPutBin",
        raw_body=True,
    ),
]

_PAGES = [
    Route("GET", "/", _H + "pages:root", summary="To the web page.", api_name="root"),
    Route("HEAD", "/", _H + "pages:root", summary="Whether the server answers.", api_name="rootMinimal"),
    Route("GET", "/flow/{name}", _H + "pages:page", summary="The web page.", api_name="flow"),
    Route("GET", "/favicon.ico", _H + "pages:icon", summary="Icon of the web page.", api_name="icon"),
]

CORE_V3 = [*_CLUSTER, *_JOBS, *_FRAMES, *_METADATA, *_STORAGE, *_PAGES]

CORE_V4 = [
    _route(
        "GET /4/endpoints", "metadata:endpoints_v4", metadata.ListRequestV4, "All routes.", "endpoints_v4", metadata.EndpointsListV4
    ),
    _route(
        "POST /4/sessions", "cluster:new_session_v4", cluster.InputSchemaV4, "Open a session.", "newSession4", cluster.SessionIdV4
    ),
    _route("DELETE /4/sessions/{session_key}", "cluster:end_session", cluster.InitIDV3, "End a session.", "endSession4"),
    _route("GET /4/jobs/{job_id}", "jobs:get_job_v4", cluster.JobIV4, "One job.", "getJob4", cluster.JobV4),
]
