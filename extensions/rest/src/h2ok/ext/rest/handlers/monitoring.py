"""What watches a node from outside: Prometheus, probes, the timeline, reads and writes; and taking a node out."""

# ruff: noqa: ARG001 - every handler takes (context, request)
from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from h2ok.capabilities.contracts.routes import RequestContext, Response
from h2ok.ext.rest.members import member_index
from h2ok.ext.rest.schemas.cluster import CloudLeaveV3, IoStatsEntry, TimelineV3, WaterMeterIoV3
from h2ok.kernel import IllegalArgumentError

#: name -> (field of NodeStats, Prometheus type, help)
_STATS = {
    "h2ok_values_bytes": ("mem_value_size", "gauge", "Bytes of stored values this node holds, copies included."),
    "h2ok_process_other_bytes": ("pojo_mem", "gauge", "Resident bytes of the process beside stored values."),
    "h2ok_free_memory_bytes": ("free_mem", "gauge", "Bytes this node may still use."),
    "h2ok_max_memory_bytes": ("max_mem", "gauge", "Bytes this node may use."),
    "h2ok_keys": ("num_keys", "gauge", "Keys this node holds, copies included."),
    "h2ok_free_disk_bytes": ("free_disk", "gauge", "Free bytes where chunks are spilled."),
    "h2ok_open_files": ("open_fds", "gauge", "Open files and sockets."),
    "h2ok_calls_open": ("rpcs_active", "gauge", "Calls to other nodes that wait for an answer."),
    "h2ok_worker_threads": ("nthreads", "gauge", "Worker threads."),
}


def metrics(context: RequestContext, request: Any) -> Response:
    """GET /metrics: this node's numbers; asks no other node, so it answers whatever happens to them."""
    node = context.node
    cloud, stats = node.cloud, node.cloud.own_stats()
    lines: list[str] = []

    def add(name: str, kind: str, text: str, value: float) -> None:
        lines.extend(
            (f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value:g}" if value % 1 else f"{name} {int(value)}")
        )

    add("h2ok_up", "gauge", "1 while the node takes part in its cloud.", float(not cloud.failure))
    add("h2ok_cloud_size", "gauge", "Members of the cloud.", cloud.size)
    add("h2ok_cloud_healthy", "gauge", "1 while no member is suspect or lost.", float(cloud.healthy))
    add("h2ok_cloud_bad_nodes", "gauge", "Members that are suspect or lost.", cloud.bad_nodes)
    add("h2ok_cloud_lost_nodes_total", "counter", "Members that were declared dead.", cloud.losses)
    add("h2ok_cloud_locked", "gauge", "1 once the cloud holds data.", float(cloud.locked))
    add("h2ok_placement_epoch", "counter", "Changes of who holds what.", cloud.placement.epoch)
    add("h2ok_copies_missing", "gauge", "Copies still to be made until a loss costs nothing again.", cloud.copies_missing)
    add("h2ok_uptime_seconds", "gauge", "Seconds since the start.", round(time.time() - node.started_at, 3))
    add("h2ok_jobs_running", "gauge", "Jobs this node works on.", node.jobs.running)
    add("h2ok_calls_total", "counter", "Calls to other nodes.", node.rpc.sent)
    for name, (field, kind, text) in _STATS.items():
        add(name, kind, text, getattr(stats, field))
    for name, value in node.dkv.store.spill_counts().items():
        add(f"h2ok_spill_{name}_total", "counter", f"Spilled chunks: {name.replace('_', ' ')}.", value)
    return Response("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")


def health(context: RequestContext, request: Any) -> Response:
    """GET /health: 503 once the node cannot take part any more and should be restarted."""
    return _verdict(context.node.cloud.failure)


def ready(context: RequestContext, request: Any) -> Response:
    """GET /ready: 503 while requests would wait or fail."""
    cloud = context.node.cloud
    reason = cloud.failure or cloud.outside or ("" if cloud.consensus else "the nodes do not agree who is in the cloud yet")
    if not reason and context.runtime.stopping.is_set():
        reason = "the node is shutting down"
    return _verdict(reason)


def state(context: RequestContext, request: Any) -> Response:
    """GET /3/CloudState: what /3/Cloud has no field for; asks no other node."""
    cloud = context.node.cloud
    body = {
        "outside": cloud.failure or cloud.outside,
        "locked": cloud.locked,
        # Before the lock everyone may come; a cloud that holds data makes room for newcomers unless it was told not to.
        "takes_new_nodes": not cloud.locked or context.node.config.elastic,
        "copies_missing": cloud.copies_missing,
        "lost_nodes": [{"node": x.node.name, "reason": x.reason, "at": x.at} for x in cloud.lost_nodes],
    }
    return Response(json.dumps(body), content_type="application/json")


def _verdict(reason: str) -> Response:
    body = {"status": "unavailable", "reason": reason} if reason else {"status": "ok"}
    return Response(json.dumps(body), 503 if reason else 200, "application/json")


def io(context: RequestContext, request: WaterMeterIoV3) -> WaterMeterIoV3:
    """GET /3/WaterMeterIo: of one node, or without a number the sum of all that answer."""
    rpc, cloud = context.node.rpc, context.node.cloud
    if "nodeidx" in context.path_params:
        found = [rpc.call(member_index(context, request.nodeidx), "rest.io", None, timeout=5.0)]
    else:
        found = rpc.call_all("rest.io", None, timeout=5.0) if cloud.size > 1 else [rpc.serve("rest.io", None)]
    sums: dict[str, dict[str, int]] = {}
    for entries in found:
        for e in entries:
            total = sums.setdefault(e["backend"], {})
            for name, value in e.items():
                if name != "backend":
                    total[name] = total.get(name, 0) + value
    request.persist_stats = [IoStatsEntry(backend=b, **counts) for b, counts in sums.items()]
    return request


def timeline(context: RequestContext, request: TimelineV3) -> TimelineV3:
    """GET /3/Timeline: the latest calls of every node that answers."""
    cloud = context.node.cloud
    members = cloud.members
    futures = [context.node.rpc.submit(m, "rest.timeline", None, timeout=5.0) for m in members]
    calls: list[tuple[int, str, str, str]] = []
    for member, future in zip(members, futures, strict=True):
        if future.exception() is None:
            calls += [(at, member.name, to, service) for at, to, service in future.result()]
    request.now = int(time.time() * 1000)
    request.self = "/" + cloud.me.name
    request.events = _events(sorted(calls))
    return request


def _events(calls: list[tuple[int, str, str, str]]) -> list[dict[str, Any]]:
    """One event a message; heartbeats without anything else in between are one."""
    events: list[dict[str, Any]] = []
    for at, sender, receiver, service in calls:
        if service != "cloud.heartbeat":
            events.append(_event(at, sender, receiver, service))
        elif events and events[-1]["type"] == "heartbeat":
            events[-1]["sends"] += 1
            events[-1]["recvs"] += 1
        else:
            events.append(_heartbeat(at))
    return events


def _heartbeat(at: int) -> dict[str, Any]:
    """What one member sends, another one receives: all members are in this list."""
    meta = {"schema_version": -1, "schema_name": "HeartBeatEvent", "schema_type": "Iced"}
    return {"__meta": meta, "date": _clock(at), "nanos": at, "type": "heartbeat", "sends": 1, "recvs": 1}


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at / 1e9, UTC).strftime("%H:%M:%S:%f")[:-3]


def _event(at: int, sender: str, receiver: str, service: str) -> dict[str, Any]:
    meta = {"schema_version": -1, "schema_name": "NetworkEvent", "schema_type": "Iced"}
    return {
        "__meta": meta,
        "date": _clock(at),
        "nanos": at,
        "type": "network_msg",
        "is_send": True,
        "protocol": "TCP",
        "msg_type": service,
        "from": "/" + sender,
        "to": "/" + receiver,
        "data": "",
    }


def leave(context: RequestContext, request: CloudLeaveV3) -> CloudLeaveV3:
    """POST /3/CloudLeave: answers when the node has handed over everything; its process ends then."""
    member = member_index(context, request.nodeidx)
    if context.node.cloud.size == 1:
        raise IllegalArgumentError(
            "The only node of a cloud cannot leave it: nobody would take what it holds. End it with POST /3/Shutdown.",
            argument="nodeidx",
        )
    context.node.rpc.call(member, "rest.leave", None, timeout=3600.0)
    return request
