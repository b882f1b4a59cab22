"""Record what H2O-3 makes of the conformance set: ``python conformance.py http://127.0.0.1:54321 > conformance.json``.

Needs pyarrow, fastavro, openpyxl and xlwt. A case is one walk through ImportFilesMulti, ParseSetup and Parse.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Protocol

from binary_cases import BINARY_CASES
from text_cases import TEXT_CASES, Case

__all__ = ["ALL_CASES", "Web", "form_body", "twin_of", "walk"]

ALL_CASES: dict[str, Case] = TEXT_CASES | BINARY_CASES
_SHOWN = ("parse_type", "separator", "check_header", "number_columns", "column_names", "column_types", "na_strings")
_ECHOED = (
    "parse_type", "separator", "check_header", "number_columns", "column_names", "column_types", "na_strings", "single_quotes",
    "escapechar", "custom_non_data_line_markers", "skipped_columns", "chunk_size", "partition_by",
)  # fmt: skip


class Web(Protocol):
    """Requests to a server; the JSON of an answer, whatever its status."""

    def __call__(self, method: str, path: str, **form: Any) -> Any: ...


def walk(web: Web, folder: Path, case: Case) -> dict[str, Any]:
    """What a server makes of a case: the guessed setup and the columns, or the step that failed."""
    for name, data in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    paths = [str(folder / n) for n in sorted(case.files)]
    keys = web("POST", "/3/ImportFilesMulti", paths=paths)["destination_frames"]
    setup = web("POST", "/3/ParseSetup", source_frames=keys, **case.setup)
    if "column_types" not in setup:
        return {"failed": "ParseSetup"}
    fields = {f: setup.get(f) for f in _ECHOED if setup.get(f) is not None} | dict(case.parse)
    out = {"setup": {f: setup.get(f) for f in _SHOWN}}
    answer = web("POST", "/3/Parse", source_frames=keys, destination_frame="conformance.hex", **fields)
    if "job" not in answer:
        return out | {"failed": "Parse"}
    job = answer["job"]
    while job["status"] in ("CREATED", "RUNNING"):
        time.sleep(0.01)
        job = web("GET", "/3/Jobs/" + urllib.parse.quote(job["key"]["name"]))["jobs"][0]
    if job["status"] != "DONE":
        return out | {"failed": "Parse"}
    seen = web("GET", "/3/Frames/conformance.hex?row_count=100&full_column_count=-1")["frames"][0]
    out["rows"] = seen["rows"]
    out["columns"] = [
        {"name": c["label"], "type": c["type"], "domain": c["domain"], "data": c["string_data"] or c["data"]}
        for c in seen["columns"]
    ]
    web("DELETE", "/3/DKV")
    return out


def form_body(form: dict[str, Any]) -> bytes:
    """Form fields as clients of H2O write them."""
    return urllib.parse.urlencode({k: _text(v) for k, v in form.items()}).encode()


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_item(v) for v in value) + "]"
    return str(value)


def _item(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _text(value)


def twin_of(name: str) -> str | None:
    """The case with the same values in a format this H2O reads; None for a case of such a format.

    Its published package has no parser of ORC, and its XLS parser refuses XLSX.
    """
    for mine, other in (("orc_", "parquet_"), ("xlsx_", "xls_")):
        if name.startswith(mine):
            return other + name.removeprefix(mine)
    return None


def main() -> None:
    """Print the answers as JSON."""
    base = sys.argv[1]

    def web(method: str, path: str, **form: Any) -> Any:
        data = form_body(form) or None
        request = urllib.request.Request(base + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            return json.load(e)

    out = {}
    for name, case in ALL_CASES.items():
        if twin_of(name) is not None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            out[name] = walk(web, Path(folder), case)
    about = {e["name"]: e["value"] for e in web("GET", "/3/About")["entries"]}
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in out.items())
    print(f'{{"origin": "H2O-3 {about["Build project version"]}", "cases": {{\n{lines}\n}}}}')


if __name__ == "__main__":
    main()
