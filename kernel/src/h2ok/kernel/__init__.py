"""h2ok.kernel: keys, DKV, frames, MRTasks, jobs and the cloud. Knows no HTTP, no file format, no model, no plugin manager."""

from h2ok.kernel.errors import (
    ClassMismatchError,
    CloudLockedError,
    H2OKError,
    IllegalArgumentError,
    JobCancelledError,
    KeyNotFoundError,
    NodeLostError,
    OutOfMemoryBudgetError,
    RemoteError,
    StateLostError,
    TaskTimeoutError,
    WireError,
)
from h2ok.kernel.frame.chunk import NA_CODE, NA_INT64, Chunk
from h2ok.kernel.frame.frame import ColumnNotFoundError, Frame
from h2ok.kernel.frame.rollups import RollupStats
from h2ok.kernel.frame.vec import Vec, VecType, even_espc
from h2ok.kernel.job import Job, JobContext, JobPlan
from h2ok.kernel.key import given_key, random_key, sanitize
from h2ok.kernel.node import Node, NodeConfig
from h2ok.kernel.random import new_seed, random_bits, uniforms
from h2ok.kernel.scope import Scope
from h2ok.kernel.task.mrtask import Block, MRTask, OutputSpec, TaskResult
from h2ok.kernel.wire import wire_type

__version__ = "0.1.0"

__all__ = [
    "NA_CODE",
    "NA_INT64",
    "Block",
    "Chunk",
    "ClassMismatchError",
    "CloudLockedError",
    "ColumnNotFoundError",
    "Frame",
    "H2OKError",
    "IllegalArgumentError",
    "Job",
    "JobCancelledError",
    "JobContext",
    "JobPlan",
    "KeyNotFoundError",
    "MRTask",
    "Node",
    "NodeConfig",
    "NodeLostError",
    "OutOfMemoryBudgetError",
    "OutputSpec",
    "RemoteError",
    "RollupStats",
    "Scope",
    "StateLostError",
    "TaskResult",
    "TaskTimeoutError",
    "Vec",
    "VecType",
    "WireError",
    "even_espc",
    "given_key",
    "new_seed",
    "random_bits",
    "random_key",
    "sanitize",
    "uniforms",
    "wire_type",
]
