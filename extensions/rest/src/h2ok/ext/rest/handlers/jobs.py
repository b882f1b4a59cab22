"""Handlers of jobs."""

from __future__ import annotations

from h2ok.capabilities.contracts.errors import BadRequestError, NotFoundError
from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.contracts.schema import key_ref
from h2ok.ext.rest.schemas.cluster import JobIV4, JobsV3, JobV4
from h2ok.kernel import Job, KeyNotFoundError


def list_jobs(context: RequestContext, request: JobsV3) -> JobsV3:
    return JobsV3(_exclude_fields=request._exclude_fields, jobs=[JobV3.of(j) for j in context.node.jobs.list()])


def get_job(context: RequestContext, request: JobsV3) -> JobsV3:
    return _answer(_find(context, request.job_id), request)


def cancel_job(context: RequestContext, request: JobsV3) -> JobsV3:
    job = _find(context, request.job_id)
    context.node.jobs.cancel(job.key)
    return _answer(_find(context, job.key), request)


def get_job_v4(context: RequestContext, request: JobIV4) -> JobV4:
    try:
        job = context.node.jobs.get(request.job_id)
    except KeyNotFoundError as e:
        raise NotFoundError(e.message) from e
    return JobV4(
        job_id=job.key,
        status="STOPPING" if job.is_running and job.cancel_requested else job.status,
        progress=job.progress,
        progress_msg=job.progress_msg,
        start_time=job.start_time,
        duration=job.msec,
        target_id=job.dest,
        target_type=job.dest_type,
        exception=job.exception,
        stacktrace=job.stacktrace,
    )


def _find(context: RequestContext, key: str | None) -> Job:
    """The job; H2O answers 400, not 404, when there is none."""
    try:
        return context.node.jobs.get(key or "")
    except KeyNotFoundError as e:
        raise BadRequestError(e.message) from e


def _answer(job: Job, request: JobsV3) -> JobsV3:
    return JobsV3(_exclude_fields=request._exclude_fields, job_id=key_ref("Job", job.key), jobs=[JobV3.of(job)])
