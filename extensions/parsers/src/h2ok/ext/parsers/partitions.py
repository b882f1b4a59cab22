"""Partitions: columns whose values stand in the folder names of the sources (``.../year=2024/part-0.csv``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import numpy as np
from h2ok.ext.parsers.columns import Columns
from h2ok.kernel import IllegalArgumentError, wire_type

__all__ = ["Partitions", "partitions_of", "without_markers"]

_FOLDER = re.compile(r"([^/=]+)=([^/]*)")
#: The value of a folder whose rows have none (Hive, Spark, Arrow, polars, Dask, DuckDB).
_MISSING = "__HIVE_DEFAULT_PARTITION__"
#: Files and folders that writers leave beside their data: that they are done, and what is where.
_MARKERS = re.compile(r"_(SUCCESS|committed_.*|started_.*|metadata|common_metadata|temporary|delta_log)")


@wire_type("parsers.partitions")
@dataclass(frozen=True, slots=True)
class Partitions:
    """``values[i][k]``: the value of column ``names[k]`` for source i, None where it is missing."""

    names: tuple[str, ...] = ()
    values: tuple[tuple[str | None, ...], ...] = ()

    @property
    def types(self) -> tuple[str, ...]:
        """Types as in ParseSetup: H2O makes enums of them."""
        return ("Enum",) * len(self.names)

    def extend(self, columns: Columns, source: int) -> Columns:
        """``columns`` with one constant column for each name."""
        for k in range(len(self.names)):
            value = self.values[source][k]
            columns.chunks.append(None)
            columns.codes.append(np.full(columns.n_rows, -1 if value is None else 0, dtype=np.int32))
            columns.levels.append([] if value is None else [value])
        return columns


def partitions_of(uris: Sequence[str], wanted: Sequence[str] | None) -> Partitions:
    """The partition columns of sources. A source that is a marker, such as Spark's empty ``_SUCCESS``, needs no folders.

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
        if missing and uri.rpartition("/")[2].startswith(("_", ".")):
            found = dict.fromkeys(wanted, _MISSING)
        elif missing:
            raise IllegalArgumentError(
                f"'{uri}' lies in no folder named '{missing[0]}=...'. Folders found: {', '.join(found) or 'none'}.",
                argument="partition_by",
            )
        values.append(tuple(None if found[w] == _MISSING else found[w] for w in wanted))
    return Partitions(tuple(wanted), tuple(values))


def without_markers(root: str, uris: Sequence[str]) -> set[str]:
    """Those files found below a folder that hold data: no markers, and among partitions nothing whose name begins with ``_``."""
    parts = {uri: uri[len(root) :].strip("/").split("/") if uri.startswith(root) else [uri.rpartition("/")[2]] for uri in uris}
    partitioned = any("=" in folder for names in parts.values() for folder in names[:-1])

    def is_data(names: Sequence[str]) -> bool:
        return not any(_MARKERS.fullmatch(n) or (partitioned and n.startswith("_") and "=" not in n) for n in names)

    return {uri for uri, names in parts.items() if uri == root or is_data(names)}
