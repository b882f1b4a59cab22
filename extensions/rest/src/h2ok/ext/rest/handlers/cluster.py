"""Handlers of the cloud: status, health, sessions and upkeep."""

# ruff: noqa: ARG001 - every handler takes (context, request)
from __future__ import annotations

import logging
import math
import threading
import time
from typing import Any

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.routes import RequestContext, Response
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.capabilities.settings import H2OK_VERSION, TIME_ZONE_KEY
from h2ok.ext.rest.members import member_index
from h2ok.ext.rest.schemas.cluster import (
    AboutEntryV3,
    AboutV3,
    CloudLockV3,
    CloudV3,
    DStackTraceV3,
    GarbageCollectV3,
    InitIDV3,
    JStackV3,
    KillMinus3V3,
    NetworkTestV3,
    NodeMemoryInfoV3,
    NodeV3,
    PingV3,
    ProfilerNodeEntryV3,
    ProfilerNodeV3,
    ProfilerV3,
    SessionIdV4,
    SessionPropertyV3,
    ShutdownV3,
    UnlockKeysV3,
    WaterMeterCpuTicksV3,
)
from h2ok.ext.rest.sessions import Sessions
from h2ok.kernel import IllegalArgumentError
from h2ok.kernel.cloud.cloud import MemberInfo

_log = logging.getLogger("h2ok.rest")
_FJ_LEVELS = 128
_MAX_DEPTH = 1000
_NETWORK_TEST_BYTES = (1, 1024, 1_048_576)
#: Seconds between the answer to a shutdown and the end of the process.
_SHUTDOWN_DELAY = 0.1
#: How long the state of the cloud waits for a setting that another node keeps.
_ZONE_SECONDS = 0.5
#: How long other nodes may take for what a client asked of all.
_UPKEEP_SECONDS = 10.0


def cloud(context: RequestContext, request: CloudV3) -> CloudV3:
    node, settings = context.node, context.runtime.settings
    me = node.cloud
    release, _, build = settings.h2o_version.rpartition(".")
    return CloudV3(
        _exclude_fields=request._exclude_fields,
        skip_ticks=request.skip_ticks,
        version=settings.h2o_version,
        branch_name=f"rel-{release}",
        last_commit_hash="",
        describe=f"h2ok {H2OK_VERSION}",
        compiled_by="h2ok",
        compiled_on="",
        build_number=build,
        build_age=f"h2ok {H2OK_VERSION}",
        build_too_old=False,
        node_idx=me.self_index,
        cloud_name=me.name,
        cloud_size=me.size,
        cloud_uptime_millis=_uptime(context),
        cloud_internal_timezone="UTC",
        datafile_parser_timezone=_time_zone(context),
        cloud_healthy=me.healthy,
        bad_nodes=me.bad_nodes,
        consensus=me.consensus,
        locked=me.locked,
        nodes=[_node(info) for info in me.member_infos()],
        internal_security_enabled=bool(node.config.cluster_secret),
        leader_idx=0,
        web_ip=settings.web_ip or None,  # type: ignore[arg-type]
    )


def cloud_minimal(context: RequestContext, request: CloudV3) -> Response:
    """HEAD: the headers say all."""
    return Response(b"", content_type="application/json")


def _node(info: MemberInfo) -> NodeV3:
    name = info.node.name
    numbers = {f: getattr(info.stats, f) for f in info.stats.__slots__}
    # What was not measured yet is NaN, as in H2O.
    numbers |= {f: numbers[f] or math.nan for f in ("gflops", "mem_bw")}
    return NodeV3(
        h2o="/" + name,
        ip_port=name,
        healthy=info.healthy,
        last_ping=info.last_heard,
        fjthrds=[-1] * _FJ_LEVELS,
        fjqueue=[-1] * _FJ_LEVELS,
        **numbers,
    )


def _time_zone(context: RequestContext) -> str:
    """The zone kept in the DKV. Its home may be silent, which must not keep a client from seeing the state of the cloud."""
    found = context.node.dkv.peek(TIME_ZONE_KEY, _ZONE_SECONDS)
    return found if isinstance(found, str) else "UTC"


def _uptime(context: RequestContext) -> int:
    return int((time.time() - context.node.cloud.started) * 1000)


def ping(context: RequestContext, request: PingV3) -> PingV3:
    cloud = context.node.cloud
    return PingV3(
        cloud_uptime_millis=_uptime(context),
        cloud_healthy=cloud.healthy,
        nodes=[NodeMemoryInfoV3(ip_port=i.node.name, free_mem=i.stats.free_mem) for i in cloud.member_infos()],
    )


def cloud_lock(context: RequestContext, request: CloudLockV3) -> CloudLockV3:
    context.node.cloud.lock(request.reason or "requested through POST /3/CloudLock")
    return request


def about(context: RequestContext, request: AboutV3) -> AboutV3:
    import platform

    settings = context.runtime.settings
    facts = {
        "Build git branch": f"rel-{settings.h2o_version.rpartition('.')[0]}",
        "Build git describe": f"h2ok {H2OK_VERSION}",
        "Build project version": settings.h2o_version,
        "Build age": f"h2ok {H2OK_VERSION}",
        "Built by": "h2ok",
        "h2ok version": H2OK_VERSION,
        "Python version": platform.python_version(),
        "Platform": platform.platform(),
        "Extensions": ", ".join(context.runtime.registry.versions()),
        "Internal Security": "Enabled" if context.node.config.cluster_secret else "Disabled",
    }
    return AboutV3(entries=[AboutEntryV3(name=k, value=v) for k, v in facts.items()])


def shutdown(context: RequestContext, request: ShutdownV3) -> ShutdownV3:
    """Answer first, then end every node of the cloud."""
    _log.info("Shutdown requested by %s", context.user or "a client")
    timer = threading.Timer(_SHUTDOWN_DELAY, context.runtime.stop_cloud)
    timer.daemon = True
    timer.start()
    return request


def garbage_collect(context: RequestContext, request: GarbageCollectV3) -> GarbageCollectV3:
    """On all nodes."""
    context.node.rpc.tell_all("rest.collect", None, _UPKEEP_SECONDS)
    return request


def unlock_keys(context: RequestContext, request: UnlockKeysV3) -> UnlockKeysV3:
    """No key is locked beyond one operation (jobs keep what they read alive instead); clients may call it all the same."""
    return request


def new_session(context: RequestContext, request: InitIDV3) -> InitIDV3:
    key = context.runtime.service(Sessions).new()
    return InitIDV3(session_key=key, session_properties_allowed=True)


def end_session(context: RequestContext, request: InitIDV3) -> InitIDV3:
    if request.session_key:
        context.runtime.service(Sessions).end(request.session_key)
    return InitIDV3(session_key=request.session_key, session_properties_allowed=True)


def new_session_v4(context: RequestContext, request: Any) -> SessionIdV4:
    return SessionIdV4(session_key=context.runtime.service(Sessions).new())


def set_session_property(context: RequestContext, request: SessionPropertyV3) -> SessionPropertyV3:
    if not request.session_key or not request.key:
        raise IllegalArgumentError("A session property needs session_key and key.", argument="key")
    context.runtime.service(Sessions).put(request.session_key, request.key, request.value)
    return request


def get_session_property(context: RequestContext, request: SessionPropertyV3) -> SessionPropertyV3:
    if not request.session_key or not request.key:
        raise IllegalArgumentError("A session property needs session_key and key.", argument="key")
    request.value = context.runtime.service(Sessions).get(request.session_key, request.key)  # type: ignore[assignment]
    return request


def jstack(context: RequestContext, request: JStackV3) -> JStackV3:
    cloud = context.node.cloud
    now = int(time.time() * 1000)
    futures = [context.node.rpc.submit(i, "rest.stacks", None, timeout=5.0) for i in range(cloud.size)]
    traces = []
    for member, future in zip(cloud.members, futures, strict=True):
        try:
            stacks = future.result(timeout=6.0)
        except Exception as e:  # a lost node must not hide the stacks of the others
            stacks = [f"No answer: {e}"]
        traces.append(DStackTraceV3(node=member.name, time=now, thread_traces=stacks))
    return JStackV3(traces=traces)


def profiler(context: RequestContext, request: ProfilerV3) -> ProfilerV3:
    """GET /3/Profiler"""
    if not 1 <= request.depth <= _MAX_DEPTH:
        raise BadRequestError(f"depth must be from 1 to {_MAX_DEPTH}; got {request.depth}.")
    cloud = context.node.cloud
    now = int(time.time() * 1000)
    futures = [context.node.rpc.submit(i, "rest.profile", request.depth, timeout=10.0) for i in range(cloud.size)]
    request.nodes = []
    for member, future in zip(cloud.members, futures, strict=True):
        try:
            found = future.result(timeout=11.0)
        except Exception as e:  # a lost node must not hide the profiles of the others
            found = [[f"No answer: {e}", 0]]
        entries = [ProfilerNodeEntryV3(stacktrace=stack, count=count) for stack, count in found]
        request.nodes.append(ProfilerNodeV3(node_name=member.name, timestamp=now, entries=entries))
    return request


def kill_minus_3(context: RequestContext, request: KillMinus3V3) -> KillMinus3V3:
    """Every node writes its stacks to its log."""
    context.node.rpc.tell_all("rest.dump", None, _UPKEEP_SECONDS)
    return request


def cpu_ticks(context: RequestContext, request: WaterMeterCpuTicksV3) -> WaterMeterCpuTicksV3:
    index = member_index(context, request.nodeidx)
    request.cpu_ticks = context.node.rpc.call(index, "rest.ticks", None, timeout=5.0)
    return request


def network_test(context: RequestContext, request: NetworkTestV3) -> NetworkTestV3:
    """Round trips of three sizes to every node, and to all of them at once."""
    rpc, members = context.node.rpc, context.node.cloud.members
    single = [[_round_trip(rpc, [i], size) for i in range(len(members))] for size in _NETWORK_TEST_BYTES]
    collective = [_round_trip(rpc, list(range(len(members))), size) for size in _NETWORK_TEST_BYTES]
    me = context.node.cloud.self_index
    names = [("self /" if i == me else "remote /") + m.name for i, m in enumerate(members)]
    sizes = zip(_NETWORK_TEST_BYTES, collective, single, strict=True)
    cells = [[_speed(t, size) for t in (whole, *each)] for size, whole, each in sizes]
    columns = (
        Column("destination", "string", "%s", "Destination"),
        *(Column(f"{size}_bytes", "string", "%s", f"{size} bytes") for size in _NETWORK_TEST_BYTES),
    )
    return NetworkTestV3(
        microseconds_collective=collective,
        bandwidths_collective=[2e6 * s / t for s, t in zip(_NETWORK_TEST_BYTES, collective, strict=True)],
        microseconds=single,
        bandwidths=[[2e6 * s / t for t in each] for s, each in zip(_NETWORK_TEST_BYTES, single, strict=True)],
        nodes=["/" + m.name for m in members],
        table=TwoDimTable(
            "Network Test", f"Launched from /{members[me].name}", columns, [["all - collective bcast/reduce", *names], *cells]
        ).to_json(),
    )


def _round_trip(rpc: Any, members: list[int], size: int, repeats: int = 5) -> float:
    """Best time in microseconds for a message of ``size`` bytes to all ``members`` and back."""
    payload = bytes(size)
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        for f in [rpc.submit(i, "rest.echo", payload, timeout=10.0) for i in members]:
            f.result()
        best = min(best, (time.perf_counter() - started) * 1e6)
    return max(best, 0.001)


def _speed(microseconds: float, size: int) -> str:
    rate = 2e6 * size / microseconds
    unit = "B"
    for larger in ("KB", "MB", "GB"):
        if rate < 1024:
            break
        rate, unit = rate / 1024, larger
    time_ = f"{microseconds:.0f} usec" if microseconds < 1000 else f"{microseconds / 1000:.3f} msec"
    return f"{time_}, {rate:.1f} {unit}/S"
