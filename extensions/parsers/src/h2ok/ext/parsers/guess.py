"""GuessParser: asks every parser, first by priority, whether a sample is its format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.capabilities.registry import resolve
from h2ok.ext.parsers.compression import sample_bytes
from h2ok.ext.parsers.raw import require_raw
from h2ok.kernel import Frame, IllegalArgumentError, JobContext

__all__ = ["SAMPLE_BYTES", "GuessParser"]

#: Decompressed bytes looked at for guessing.
SAMPLE_BYTES = 1 << 18


class GuessParser(Parser):
    """H2O's GUESS: not a format, but the choice among them."""

    name = "GUESS"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        for parser in self._others():
            try:
                found = parser.guess(sample, given, source)
            except IllegalArgumentError:
                raise
            except Exception:  # "not mine": a parser may trip over another format's bytes
                found = None
            if found is not None:
                return found  # type: ignore[no-any-return]
        return None

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raw = require_raw(job.node, sources[0])
        found = self.guess(sample_bytes(self.runtime, raw, SAMPLE_BYTES), setup, raw.name or raw.uri)
        if found is None:
            raise IllegalArgumentError(f"'{raw.key}' is in no known format. Parsers: {', '.join(self.names())}.")
        frame: Frame = self.parser(found.parse_type).parse(job, sources, found, dest)
        return frame

    def parser(self, name: str) -> Any:
        """A parser by its name in any case.

        Raises
        ------
        IllegalArgumentError
            No active extension provides it.
        """
        for entry in self.runtime.registry.parsers():
            if entry.name.upper() == name.upper():
                return self.runtime.service(resolve(entry.target))
        raise IllegalArgumentError(f"Unknown parse_type '{name}'. Known: {', '.join(self.names())}.")

    def names(self) -> list[str]:
        """Names of all parsers, in the order they are asked."""
        return [p.name for p in self.runtime.registry.parsers()]

    def _others(self) -> list[Any]:
        entries = [p for p in self.runtime.registry.parsers() if p.name != self.name]
        return [self.runtime.service(resolve(p.target)) for p in entries]
