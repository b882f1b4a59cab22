"""Partitions: columns whose values stand in the folder names of the sources (``.../year=2024/part-0.csv``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import numpy as np
from h2ok.ext.parsers.columns import Columns
from h2ok.kernel import IllegalArgumentError, wire_type

__all__ = ["Partitions", "partitions_of"]

_FOLDER = re.compile(r"([^/=]+)=([^/]*)")


@wire_type("parsers.partitions")
@dataclass(frozen=True, slots=True)
class Partitions:
    """``values[i][k]``: the value of column ``names[k]`` for source i."""

    names: tuple[str, ...] = ()
    values: tuple[tuple[str, ...], ...] = ()

    @property
    def types(self) -> tuple[str, ...]:
        """Types as in ParseSetup: H2O makes enums of them."""
        return ("Enum",) * len(self.names)

    def extend(self, columns: Columns, source: int) -> Columns:
        """``columns`` with one constant column for each name."""
        for k in range(len(self.names)):
            columns.chunks.append(None)
            columns.codes.append(np.zeros(columns.n_rows, dtype=np.int32))
            columns.levels.append([self.values[source][k]])
        return columns


def partitions_of(uris: Sequence[str], wanted: Sequence[str] | None) -> Partitions:
    """The partition columns of sources.

    Raises
    ------
    IllegalArgumentError
        A source has no folder for a column.
    """
    if not wanted:
        return Partitions()
    values = []
    for uri in uris:
        found = {unquote(k): unquote(v) for k, v in _FOLDER.findall(uri.rpartition("/")[0])}
        missing = [w for w in wanted if w not in found]
        if missing:
            raise IllegalArgumentError(
                f"'{uri}' lies in no folder named '{missing[0]}=...'. Folders found: {', '.join(found) or 'none'}.",
                argument="partition_by",
            )
        values.append(tuple(found[w] for w in wanted))
    return Partitions(tuple(wanted), tuple(values))
