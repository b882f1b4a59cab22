"""JobV3: how a job looks on the wire."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.schema import Schema, api, key_ref
from h2ok.kernel import Job

__all__ = ["JobV3"]


class JobV3(Schema):
    """A job; ``of`` makes it from the kernel's state."""

    schema_type = "Job"
    key: Any = api("Key<Job>", direction="INPUT", schema="JobKeyV3", help="Key of the job.")
    description: str = api("string", direction="INPUT", help="What the job does.")
    status: str = api("string", direction="OUTPUT", help="CREATED, RUNNING, DONE, CANCELLED or FAILED.")
    progress: float = api("float", 0.0, direction="OUTPUT", help="Share done, 0 to 1.")
    progress_msg: str = api("string", direction="OUTPUT", help="What it does just now.")
    start_time: int = api("long", 0, direction="OUTPUT", help="Milliseconds since the epoch.")
    msec: int = api("long", 0, direction="OUTPUT", help="Run time in milliseconds.")
    dest: Any = api("Key<Keyed>", direction="INOUT", schema="KeyV3", help="Key of the result.")
    warnings: list[str] = api("string[]", direction="OUTPUT", help="Warnings for the user.")
    exception: str = api("string", direction="OUTPUT", help="Why it failed.")
    stacktrace: str = api("string", direction="OUTPUT", help="Where it failed.")
    auto_recoverable: bool = api("boolean", False, direction="OUTPUT", help="Whether the cloud restarts it by itself.")
    ready_for_view: bool = api("boolean", True, direction="OUTPUT", help="Whether a partial result may be looked at.")

    @classmethod
    def of(cls, job: Job) -> JobV3:
        """The wire form of a job."""
        return cls(
            key=key_ref("Job", job.key),
            description=job.description,
            status=job.status,
            progress=job.progress,
            progress_msg=job.progress_msg or None,
            start_time=job.start_time,
            msec=job.msec,
            dest=key_ref(job.dest_type, job.dest),
            warnings=list(job.warnings) or None,
            exception=job.exception,
            stacktrace=job.stacktrace,
            ready_for_view=job.ready_for_view,
        )

    def to_json(self) -> dict[str, Any]:
        # H2O: only failed jobs have a stacktrace key at all.
        out = super().to_json()
        if self.stacktrace is None:
            del out["stacktrace"]
        return out
