"""Rapids primitives about objects in S3."""

from __future__ import annotations

import math
from typing import Any

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.primitive import Primitive
from h2ok.ext.persist_s3.store import PersistS3

__all__ = ["PRIMITIVES"]

#: Milliseconds a URL may be valid for: what S3 allows.
MAX_DURATION = 7 * 24 * 3600 * 1000


def presigned_url(env: Any, path: Any, duration_ms: Any) -> str:
    """A URL that gives access to an object for a while."""
    if not isinstance(path, str) or path.partition("://")[0] not in ("s3", "s3a", "s3n"):
        raise BadRequestError(f"The path must name an object as s3://bucket/key; got {path!r}.")
    known = isinstance(duration_ms, (int, float)) and math.isfinite(duration_ms)
    if not known or not 1000 <= duration_ms <= MAX_DURATION:
        raise BadRequestError(f"duration_ms must be from 1000 to {MAX_DURATION} (a week); got {duration_ms!r}.")
    return PersistS3(env.runtime).presigned_url(path, int(duration_ms) // 1000)


PRIMITIVES = [
    Primitive(
        "s3.generate.presigned.URL", presigned_url, 2, ("path", "duration_ms"), "A URL that gives access to an object for a while."
    )
]
