"""Reads a workbook in a process of its own: ``python -m h2ok.ext.parsers.excel_child LIMIT < workbook > rows``.

SECURITY: the reader of workbooks allocates whatever sizes a damaged file claims and ends the process when it cannot. Here that
process is a child with a bound on its memory, not the server. Standard output gets one JSON line: rows of null, true, 1.5, "text",
{"ms": milliseconds since the epoch} - or {"error": text}.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import resource
import sys
from typing import Any

__all__ = ["main"]


def main() -> None:
    """Read standard input within the memory given as the only argument, in bytes."""
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    json.dump(_rows(sys.stdin.buffer.read()), sys.stdout)


def _rows(data: bytes) -> Any:
    import python_calamine as calamine

    try:
        book = calamine.load_workbook(io.BytesIO(data))
        # Charts have sheets of their own, also in front, and no cells.
        sheets = [i for i, s in enumerate(book.sheets_metadata) if s.typ == calamine.SheetTypeEnum.WorkSheet]
        if not sheets:
            return {"error": "it has no worksheet"}
        rows = book.get_sheet_by_index(sheets[0]).to_python(skip_empty_area=True)
    except Exception as e:  # whatever a damaged workbook provokes is told to the parent
        return {"error": f"{e}"}
    found = [[_value(v) for v in r] for r in rows]
    return [r for r in found if any(v is not None for v in r)]


def _value(value: Any) -> Any:
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (dt.date, dt.datetime)):
        at = dt.datetime(value.year, value.month, value.day) if not isinstance(value, dt.datetime) else value
        return {"ms": round((at.replace(tzinfo=None) - dt.datetime(1970, 1, 1)) / dt.timedelta(milliseconds=1))}
    if isinstance(value, (dt.time, dt.timedelta)):
        return str(value)
    return value or None


if __name__ == "__main__":
    main()
