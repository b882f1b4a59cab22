"""Schemas of the cloud: status, sessions, health and upkeep."""

from __future__ import annotations

import math
from typing import Any

from h2ok.capabilities.contracts.schema import OutputSchemaV4, RequestSchema, Schema, api

__all__ = [
    "AboutEntryV3",
    "AboutV3",
    "CloudLeaveV3",
    "CloudLockV3",
    "CloudV3",
    "DStackTraceV3",
    "GarbageCollectV3",
    "InitIDV3",
    "IoStatsEntry",
    "InputSchemaV4",
    "JStackV3",
    "JobIV4",
    "JobV4",
    "JobsV3",
    "KillMinus3V3",
    "NetworkTestV3",
    "NodeMemoryInfoV3",
    "NodeV3",
    "PingV3",
    "ProfilerNodeEntryV3",
    "ProfilerNodeV3",
    "ProfilerV3",
    "SessionIdV4",
    "SessionPropertyV3",
    "ShutdownV3",
    "SteamMetricsV3",
    "UnlockKeysV3",
    "TimelineV3",
    "WaterMeterCpuTicksV3",
    "WaterMeterIoV3",
]


class CloudV3(RequestSchema):
    """State of the cloud; what clients look at first."""

    skip_ticks: bool = api("boolean", False, direction="INPUT", help="Leave out the load of each core.")
    version: str = api("string", direction="OUTPUT", help="Version of H2O this server is compatible with.")
    branch_name: str = api("string", direction="OUTPUT", help="Source branch of the build.")
    last_commit_hash: str = api("string", direction="OUTPUT", help="Commit of the build.")
    describe: str = api("string", direction="OUTPUT", help="Description of the build.")
    compiled_by: str = api("string", direction="OUTPUT", help="Who made the build.")
    compiled_on: str = api("string", direction="OUTPUT", help="When the build was made.")
    build_number: str = api("string", direction="OUTPUT", help="Last part of the version.")
    build_age: str = api("string", direction="OUTPUT", help="Age of the build in words.")
    build_too_old: bool = api("boolean", False, direction="OUTPUT", help="Whether clients should warn about the age.")
    node_idx: int = api("int", 0, direction="OUTPUT", help="Position of the answering node.")
    cloud_name: str = api("string", direction="OUTPUT", help="Name of the cloud.")
    cloud_size: int = api("int", 0, direction="OUTPUT", help="Number of members.")
    cloud_uptime_millis: int = api("long", 0, direction="OUTPUT", help="Milliseconds since the cloud was formed.")
    cloud_internal_timezone: str = api("string", direction="OUTPUT", help="Time zone of the server.")
    datafile_parser_timezone: str = api("string", direction="OUTPUT", help="Time zone in which times without one are parsed.")
    cloud_healthy: bool = api("boolean", False, direction="OUTPUT", help="Whether every member is well.")
    bad_nodes: int = api("int", 0, direction="OUTPUT", help="Number of members that do not answer.")
    consensus: bool = api("boolean", False, direction="OUTPUT", help="Whether all members agree on the membership.")
    locked: bool = api("boolean", False, direction="OUTPUT", help="Whether the membership is fixed.")
    is_client: bool = api("boolean", False, direction="OUTPUT", help="Whether the node holds no data.")
    hadoop_version: str = api("string", direction="OUTPUT", help="Version of Hadoop, when run by it.")
    telemetry_enabled: bool = api("boolean", False, direction="OUTPUT", help="Whether usage is reported; never.")
    nodes: list[Any] = api("Iced[]", direction="OUTPUT", schema="NodeV3", help="The members.")
    internal_security_enabled: bool = api(
        "boolean", False, direction="OUTPUT", help="Whether messages between nodes are encrypted."
    )
    leader_idx: int = api("int", -1, direction="OUTPUT", help="Position of the first member.")
    web_ip: str = api("string", direction="OUTPUT", help="Address of the web server.")


class NodeV3(Schema):
    """One member of the cloud."""

    h2o: str = api("string", direction="OUTPUT", help="Address of the node with a leading slash.")
    ip_port: str = api("string", direction="OUTPUT", help="Address of the node.")
    healthy: bool = api("boolean", False, direction="OUTPUT", help="Whether the node answers.")
    last_ping: int = api("long", 0, direction="OUTPUT", help="Last sign of life, milliseconds since the epoch.")
    pid: int = api("int", 0, direction="OUTPUT", help="Process id.")
    num_cpus: int = api("int", 0, direction="OUTPUT", help="Cores of the machine.")
    cpus_allowed: int = api("int", 0, direction="OUTPUT", help="Cores the process may use.")
    nthreads: int = api("int", 0, direction="OUTPUT", help="Worker threads.")
    sys_load: float = api("float", 0.0, direction="OUTPUT", help="Load average over one minute.")
    my_cpu_pct: int = api("int", 0, direction="OUTPUT", help="CPU of the process in percent, -1 when unknown.")
    sys_cpu_pct: int = api("int", 0, direction="OUTPUT", help="CPU of the machine in percent, -1 when unknown.")
    mem_value_size: int = api("long", 0, direction="OUTPUT", help="Bytes of stored values.")
    pojo_mem: int = api("long", 0, direction="OUTPUT", help="Bytes the process uses beside stored values.")
    free_mem: int = api("long", 0, direction="OUTPUT", help="Bytes still free.")
    max_mem: int = api("long", 0, direction="OUTPUT", help="Bytes the node may use.")
    swap_mem: int = api("long", 0, direction="OUTPUT", help="Bytes spilled to disk.")
    num_keys: int = api("int", 0, direction="OUTPUT", help="Keys whose home is this node.")
    free_disk: int = api("long", 0, direction="OUTPUT", help="Free bytes on the disk of ice_root.")
    max_disk: int = api("long", 0, direction="OUTPUT", help="Bytes of the disk of ice_root.")
    rpcs_active: int = api("int", 0, direction="OUTPUT", help="Requests to other nodes under way.")
    fjthrds: list[int] = api("short[]", direction="OUTPUT", help="Worker threads by priority.")
    fjqueue: list[int] = api("short[]", direction="OUTPUT", help="Waiting tasks by priority.")
    tcps_active: int = api("int", 0, direction="OUTPUT", help="Open connections to other nodes.")
    open_fds: int = api("int", 0, direction="OUTPUT", help="Open files.")
    gflops: float = api("double", math.nan, direction="OUTPUT", help="Speed in billion operations a second.")
    mem_bw: float = api("double", math.nan, direction="OUTPUT", help="Memory bandwidth in bytes a second.")


class PingV3(RequestSchema):
    """Whether the cloud is well; cheap."""

    cloud_uptime_millis: int = api("long", 0, direction="OUTPUT", help="Milliseconds since the cloud was formed.")
    cloud_healthy: bool = api("boolean", False, direction="OUTPUT", help="Whether every member is well.")
    nodes: list[Any] = api("Iced[]", direction="OUTPUT", schema="NodeMemoryInfoV3", help="Free memory by member.")


class NodeMemoryInfoV3(Schema):
    """Free memory of a member."""

    ip_port: str = api("string", direction="OUTPUT", help="Address of the node.")
    free_mem: int = api("long", 0, direction="OUTPUT", help="Bytes still free.")


class CloudLockV3(RequestSchema):
    """Request to fix the membership."""

    reason: str = api("string", direction="INPUT", help="Why; goes to the log.")


class AboutV3(RequestSchema):
    """Facts about this build."""

    entries: list[Any] = api("Iced[]", direction="OUTPUT", schema="AboutEntryV3", help="The facts.")


class AboutEntryV3(Schema):
    """One fact."""

    name: str = api("string", direction="OUTPUT", help="What.")
    value: str = api("string", direction="OUTPUT", help="Its value.")


class ShutdownV3(RequestSchema):
    """Request to end the cloud."""

    schema_type = "Shutdown"


class GarbageCollectV3(Schema):
    """Request to free memory."""


class UnlockKeysV3(RequestSchema):
    """Request to release locks on keys."""


class InitIDV3(RequestSchema):
    """A session, as version 3 of the API names it."""

    session_key: str = api("string", help="Id of the session.")
    session_properties_allowed: bool = api("boolean", False, direction="OUTPUT", help="Whether sessions may keep properties.")


class InputSchemaV4(Schema):
    """Base of requests of version 4."""

    schema_version = 4
    has_meta = False
    _fields: str = api("string", direction="INPUT", help="Fields wanted in the answer.")


class SessionIdV4(OutputSchemaV4):
    """A new session."""

    session_key: str = api("string", direction="INPUT", help="Id of the session.")


class SessionPropertyV3(RequestSchema):
    """A named value kept with a session."""

    session_key: str = api("string", help="Id of the session.")
    key: str = api("string", help="Name of the property.")
    value: str = api("string", help="Its value.")


class JStackV3(RequestSchema):
    """What all threads are doing."""

    schema_type = "JStack"
    traces: list[Any] = api("DStackTrace[]", direction="OUTPUT", schema="DStackTraceV3", help="One entry a node.")


class ProfilerV3(RequestSchema):
    """Where the threads spend their time."""

    depth: int = api("int", 10, required=True, direction="INPUT", help="Innermost calls that tell stacks apart.")
    nodes: list[Any] = api("Iced[]", direction="OUTPUT", schema="ProfilerNodeV3", help="One entry a node.")


class ProfilerNodeV3(Schema):
    """Where the threads of one node spend their time."""

    node_name: str = api("string", direction="OUTPUT", help="Address of the node.")
    timestamp: int = api("long", 0, direction="OUTPUT", help="When, in milliseconds since 1970.")
    entries: list[Any] = api("Iced[]", direction="OUTPUT", schema="ProfilerNodeEntryV3", help="Stacks, the most frequent first.")


class ProfilerNodeEntryV3(Schema):
    """A stack that was seen."""

    stacktrace: str = api("string", direction="OUTPUT", help="The innermost calls, innermost first.")
    count: int = api("int", 0, direction="OUTPUT", help="How often it was seen.")


class DStackTraceV3(Schema):
    """What the threads of one node are doing."""

    schema_type = "DStackTrace"
    node: str = api("string", direction="OUTPUT", help="Address of the node.")
    time: int = api("long", 0, direction="OUTPUT", help="When, milliseconds since the epoch.")
    thread_traces: list[str] = api("string[]", direction="OUTPUT", help="Stack of each thread.")


class KillMinus3V3(RequestSchema):
    """Request to write the stacks of all threads to the log."""


class NetworkTestV3(RequestSchema):
    """Speed of messages between the nodes."""

    schema_type = "NetworkTest"
    microseconds_collective: list[float] = api("double[]", direction="OUTPUT", help="Time of a collective call by message size.")
    bandwidths_collective: list[float] = api(
        "double[]", direction="OUTPUT", help="Bytes a second of a collective call by message size."
    )
    microseconds: list[Any] = api("double[][]", direction="OUTPUT", help="Time of a call by message size and node.")
    bandwidths: list[Any] = api("double[][]", direction="OUTPUT", help="Bytes a second by message size and node.")
    nodes: list[str] = api("string[]", direction="OUTPUT", help="Addresses of the nodes.")
    table: Any = api("TwoDimTable", direction="OUTPUT", schema="TwoDimTableV3", help="All of it as a table.")


class WaterMeterCpuTicksV3(RequestSchema):
    """CPU time of a node by core."""

    schema_type = "WaterMeterCpuTicks"
    nodeidx: int = api("int", 0, direction="INPUT", required=True, help="Position of the node, -1 for the answering one.")
    cpu_ticks: list[Any] = api(
        "long[][]", direction="OUTPUT", help="For each core: time of user code, of the system, of low priority and waiting, idle."
    )


class WaterMeterIoV3(RequestSchema):
    """What a node read and wrote."""

    schema_type = "WaterMeterIo"
    nodeidx: int = api("int", 0, direction="INPUT", help="Position of the node, -1 for the answering one.")
    persist_stats: list[Any] = api("Iced[]", direction="OUTPUT", schema="IoStatsEntry", help="One entry a kind of storage.")


class IoStatsEntry(Schema):
    """Reads and writes of one kind of storage."""

    schema_version = -1
    backend: str = api("string", direction="OUTPUT", help="ice: spilled chunks; process: all the process read and wrote.")
    store_count: int = api("long", 0, direction="OUTPUT", help="Writes.")
    store_bytes: int = api("long", 0, direction="OUTPUT", help="Bytes written.")
    delete_count: int = api("long", 0, direction="OUTPUT", help="Removals.")
    load_count: int = api("long", 0, direction="OUTPUT", help="Reads.")
    load_bytes: int = api("long", 0, direction="OUTPUT", help="Bytes read.")


class TimelineV3(RequestSchema):
    """The latest messages between the nodes."""

    schema_type = "Timeline"
    now: int = api("long", 0, direction="OUTPUT", help="Time of the answer, milliseconds since the epoch.")
    self: str = api("string", direction="OUTPUT", help="The node that answers.")
    events: list[Any] = api("Iced[]", direction="OUTPUT", schema="EventV3", help="Messages, oldest first.")


class CloudLeaveV3(RequestSchema):
    """Take a node out of the cloud."""

    schema_type = "CloudLeave"
    nodeidx: int = api("int", -1, direction="INPUT", help="Position of the node, -1 for the answering one.")


class JobsV3(RequestSchema):
    """Jobs."""

    job_id: Any = api("Key<Job>", direction="INPUT", schema="JobKeyV3", help="The job asked for.")
    jobs: list[Any] = api("Job[]", direction="OUTPUT", schema="JobV3", help="The jobs.")


class JobIV4(InputSchemaV4):
    """Request for a job, version 4."""

    schema_version = 4
    job_id: str = api("string", direction="INPUT", help="The job asked for.")


class JobV4(OutputSchemaV4):
    """A job, version 4."""

    schema_type = "Job"
    job_id: str = api("string", direction="INPUT", help="Key of the job.")
    status: str = api(
        "enum", direction="INPUT", values=("RUNNING", "DONE", "STOPPING", "CANCELLED", "FAILED"), help="State of the job."
    )
    progress: float = api("float", 0.0, direction="INPUT", help="Share done, 0 to 1.")
    progress_msg: str = api("string", direction="INPUT", help="What it does just now.")
    start_time: int = api("long", 0, direction="INPUT", help="Start, milliseconds since the epoch.")
    duration: int = api("long", 0, direction="INPUT", help="Run time in milliseconds.")
    target_id: str = api("string", direction="INPUT", help="Key of the result.")
    target_type: str = api("string", direction="INPUT", help="Kind of the result.")
    exception: str = api("string", direction="INPUT", help="Why it failed.")
    stacktrace: str = api("string", direction="INPUT", help="Where it failed.")


class SteamMetricsV3(RequestSchema):
    """How long nobody has used the cloud."""

    schema_type = "SteamMetrics"
    version: int = api("long", 0, direction="OUTPUT", help="Version of these numbers.")
    idle_millis: int = api("long", 0, direction="OUTPUT", help="Milliseconds since the last request that counts as use.")
