"""Validation: collects every finding about the parameters of one run."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.errors import ModelBuilderError, ValidationMessage
from h2ok.ext.models.parameters import Parameters

__all__ = ["Validation"]


class Validation:
    """Findings, in the order they were made; errors among them refuse the run. Fields carry wire names."""

    def __init__(self) -> None:
        self.messages: list[ValidationMessage] = []

    def error(self, field: str, message: str) -> None:
        """A value that refuses the run."""
        self._add("ERRR", field, message)

    def warn(self, field: str, message: str) -> None:
        """Something the user should know; the client prints it."""
        self._add("WARN", field, message)

    def info(self, field: str, message: str) -> None:
        """A remark."""
        self._add("INFO", field, message)

    def hide(self, field: str, message: str) -> None:
        """Why a parameter plays no role in this run."""
        self._add("TRACE", field, message)

    @property
    def error_count(self) -> int:
        return sum(m.type == "ERRR" for m in self.messages)

    def check_declared(self, params: Parameters) -> None:
        """The constraints declared beside the parameters, and parameters that are known but not built."""
        for p in type(params).params():
            value = getattr(params, p.name)
            if value is None:
                continue
            if p.needs and value not in (p.default, []):
                self.error(
                    p.wire_name, f"{p.wire_name}={value} needs {p.needs}, which h2ok does not have yet. Leave it at {p.default}."
                )
            elif p.check is not None:
                complaint = p.check(value)
                if complaint:
                    self.error(p.wire_name, f"{p.wire_name} {complaint}")

    def raise_if_wrong(self, model_id: str, algo: str, params: Parameters) -> None:
        """Refuse the run when there are errors.

        Raises
        ------
        ModelBuilderError
            One line an error, with H2O's spelling of field names.
        """
        wrong = [m for m in self.messages if m.type == "ERRR"]
        if not wrong:
            return
        lines = "".join(f"\nERRR on field: _{m.field}: {m.message}" for m in wrong)
        raise ModelBuilderError(
            f"Illegal argument(s) for {algo} model: {model_id}.  Details:{lines}\n",
            algo=algo,
            parameters=params.to_json(),
            messages=tuple(self.messages),
        )

    def to_json(self) -> list[dict[str, Any]]:
        """ValidationMessageV3 list."""
        return [
            {
                "__meta": {"schema_version": 3, "schema_name": "ValidationMessageV3", "schema_type": "ValidationMessage"},
                "message_type": m.type,
                "field_name": m.field,
                "message": m.message,
            }
            for m in self.messages
        ]

    def _add(self, kind: str, field: str, message: str) -> None:
        found = ValidationMessage(kind, field, message)
        if found not in self.messages:
            self.messages.append(found)
