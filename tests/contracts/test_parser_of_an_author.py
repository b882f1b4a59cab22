"""A parser as an author writes it by docs/extending/parser.md: its guess may trip over foreign bytes, and it reads times."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.extension import Extension, Parser
from h2ok.capabilities.contracts.parser import ParseSetup
from h2ok.capabilities.testing import ParserContract
from h2ok.ext.parsers.lines import LineParser
from h2ok.kernel import IllegalArgumentError


class JsonLines(LineParser):
    """A JSON object a line: ``{"at": "2024-01-02T03:04:05", "n": 1}``."""

    name = "JSONLINES"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        first = json.loads(sample.splitlines()[0])
        return replace(
            given,
            parse_type=self.name,
            check_header=-1,
            number_columns=len(first),
            column_names=given.column_names or tuple(first),
            column_types=given.column_types or ("Time", "Numeric"),
        )

    @staticmethod
    def read(lines: list[str], setup: ParseSetup) -> list[Any]:
        try:
            rows = [json.loads(line) for line in lines]
        except ValueError as e:
            raise IllegalArgumentError(f"A line is no JSON object: {e}.") from e
        times = np.array([r["at"] or "NaT" for r in rows], "datetime64[ms]")
        at = np.where(np.isnat(times), np.nan, times.astype("int64").astype(float))
        return [at, np.array([np.nan if r["n"] is None else r["n"] for r in rows], dtype=float)]


extension = Extension("jsonlines", (Parser("JSONLINES", JsonLines, priority=15_000),), requires=("parsers",), help="JSON lines.")


class TestJsonLines(ParserContract):
    extension, parser = extension, "JSONLINES"
    sample = b'{"at": "2024-01-02T03:04:05", "n": 1}\n{"at": null, "n": null}\n'
    columns = {"at": [1704164645000.0, None], "n": [1.0, None]}
    types = ("Time", "Numeric")
    foreign = (b"a,b\n1,2\n",)
    broken = b'{"at": "2024-01-02", "n": 1}\nno json\n'


class Refusing(JsonLines):
    """A guess that refuses what is not its own in words would end everybody's import."""

    name = "REFUSING"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        try:
            return super().guess(sample, given, source)
        except ValueError as e:
            raise IllegalArgumentError("No JSON.") from e


@pytest.mark.extensions("parsers", "rest")
def test_a_guess_that_ends_other_imports_breaks_the_contract(runtime: Any) -> None:
    contract = TestJsonLines()
    contract.instance = lambda _: Refusing(runtime)  # type: ignore[method-assign]
    contract.parser = "REFUSING"  # type: ignore[misc]
    with pytest.raises(IllegalArgumentError, match="No JSON"):
        contract.test_it_recognises_its_own_and_nothing_else(runtime)
