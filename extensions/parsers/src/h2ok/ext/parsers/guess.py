"""GuessParser: asks every parser, first by priority, whether a sample is its format."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from h2ok.capabilities.contracts.extension import Parser as Declared
from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.ext.parsers.compression import sample_bytes
from h2ok.ext.parsers.encodings import nul_in
from h2ok.ext.parsers.raw import RawFile, require_raw
from h2ok.kernel import Frame, IllegalArgumentError, JobContext

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["SAMPLE_BYTES", "GuessParser", "ReadsOwnSchema", "sample_of"]

_log = logging.getLogger("h2ok.parsers")
#: Decompressed bytes looked at for guessing.
SAMPLE_BYTES = 1 << 18
#: A sample grows until it holds this many line ends, but not beyond ``_MAX_SAMPLE`` bytes.
_SAMPLE_LINES = 12
_MAX_SAMPLE = 1 << 26
_ATTRIBUTE = re.compile(rb"^[ \t]*@attribute[ \t]", re.IGNORECASE | re.MULTILINE)
_DATA = re.compile(rb"^[ \t]*@data\b", re.IGNORECASE | re.MULTILINE)


def sample_of(runtime: Runtime, raw: RawFile) -> bytes:
    """The first decompressed bytes of a source: enough for some whole lines and for the header of an ARFF file, however long."""
    limit = SAMPLE_BYTES
    while True:
        sample = sample_bytes(runtime, raw, limit)
        is_enough = sample.count(b"\n") >= _SAMPLE_LINES and not (_ATTRIBUTE.search(sample) and not _DATA.search(sample))
        if len(sample) < limit or limit >= _MAX_SAMPLE or is_enough:
            return sample
        limit *= 8


@runtime_checkable
class ReadsOwnSchema(Protocol):
    """A parser that must look into the whole file, not only at a sample, to know its columns."""

    def complete(self, raw: RawFile, given: ParseSetup) -> ParseSetup:
        """The setup with names, types and preview filled in; what ``given`` sets is kept."""


class GuessParser(Parser):
    """H2O's GUESS: not a format, but the choice among them."""

    name = "GUESS"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        for entry, parser in self._others():
            try:
                found = parser.guess(sample, given, source)
            except IllegalArgumentError:
                raise
            except Exception:  # "not mine": a parser may trip over another format's bytes
                found = None
            if isinstance(found, ParseSetup):
                return found
            if found is not None:
                self._note(entry, f"guess returned a {type(found).__name__}; a ParseSetup or None was expected.")
        return None

    def _note(self, entry: Declared, what: str) -> None:
        """Tell what is wrong with a parser where its extension is reported; the other formats must still be read."""
        text = f"Parser '{entry.name}' is passed over: {what}"
        owner = self.runtime.registry.provider(entry)
        if owner is not None:
            owner.warn(text)
        _log.warning("%s", text)

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raw = require_raw(job.node, sources[0])
        found = self.guess(sample_of(self.runtime, raw), setup, raw.name or raw.uri)
        if found is None:
            raise self.unknown(raw)
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
                return self.runtime.service(self.runtime.registry.load(entry))
        raise IllegalArgumentError(f"Unknown parse_type '{name}'. Known: {', '.join(self.names())}.")

    def unknown(self, raw: RawFile) -> IllegalArgumentError:
        """What to say of a source that no parser takes for its own."""
        nul = nul_in(sample_of(self.runtime, raw))
        why = f": {nul}" if nul else "."
        return IllegalArgumentError(f"'{raw.key}' is in no known format{why} Parsers: {', '.join(self.names())}.")

    def names(self) -> list[str]:
        """Names of all parsers, in the order they are asked."""
        return [p.name for p in self.runtime.registry.parsers()]

    def _others(self) -> Iterator[tuple[Declared, Any]]:
        for entry in self.runtime.registry.parsers():
            if entry.name != self.name:
                try:
                    yield entry, self.runtime.service(self.runtime.registry.load(entry))
                except Exception:  # its extension reports why; the other formats must still be read
                    _log.exception("Parser '%s' cannot be used", entry.name)
