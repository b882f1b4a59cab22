"""Errors that carry H2O's status and exception name to the client.

Kernel errors map by class (whatever hosts REST does it in one place): KeyNotFoundError and ColumnNotFoundError 404,
IllegalArgumentError and ClassMismatchError 412, FileNotFoundError 400, other ValueErrors 400, NodeLostError 503, the rest 500.
Raise one of these where H2O answers otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from h2ok.kernel import H2OKError

__all__ = ["ApiError", "BadRequestError", "ModelBuilderError", "NotFoundError", "ValidationMessage"]


class ApiError(H2OKError):
    """An error with its HTTP status and the exception name H2O's clients show."""

    status = 500
    exception_type = "water.exceptions.H2OFailException"

    def __init__(self, message: str, *, status: int | None = None, exception_type: str | None = None, **values: Any) -> None:
        super().__init__(message, **values)
        if status is not None:
            self.status = status
        if exception_type is not None:
            self.exception_type = exception_type


class BadRequestError(ApiError, ValueError):
    """400: what H2O answers for a plain IllegalArgumentException."""

    status = 400
    exception_type = "java.lang.IllegalArgumentException"


class NotFoundError(ApiError, LookupError):
    """404: a route or schema that does not exist."""

    status = 404
    exception_type = "water.exceptions.H2ONotFoundArgumentException"


@dataclass(frozen=True, slots=True)
class ValidationMessage:
    """One finding about a parameter. ``type``: ERRR, WARN, INFO, DEBUG or TRACE."""

    type: str
    field: str
    message: str


class ModelBuilderError(ApiError, ValueError):
    """412: parameters of a model builder are not valid; all findings at once.

    ``parameters`` is the JSON of the parameters schema, ``messages`` every finding (the errors among them decide).
    """

    status = 412
    exception_type = "water.exceptions.H2OModelBuilderIllegalArgumentException"

    def __init__(self, message: str, *, algo: str, parameters: Any, messages: tuple[ValidationMessage, ...]) -> None:
        super().__init__(message)
        self.algo = algo
        self.parameters = parameters
        self.messages = messages

    @property
    def error_count(self) -> int:
        return sum(m.type == "ERRR" for m in self.messages)
