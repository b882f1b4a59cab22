"""Record what H2O-3 answers: ``python tests/golden/rapids/record.py http://127.0.0.1:54321 tests/golden/rapids/answers.json``.

Needs the official client and a fresh server. A case holds the expression and one of ``frame`` (columns as label, type, domain,
data), ``scalar``, ``string``, ``funstr`` or ``status`` (of the error).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import h2o
from cases import FRAMES, PREPARE, TYPES, expressions


def ask(text: str) -> Any:
    """The answer to an expression; the status of an error as a number."""
    try:
        return h2o.api("POST /99/Rapids", data={"ast": text, "session_id": "_sid_rec"})
    except h2o.exceptions.H2OServerError:
        return 500
    except h2o.exceptions.H2OResponseError as e:
        return int(e.args[0].http_status)


def frame_of(text: str) -> Any:
    """The columns of a frame expression."""
    stored = ask(f"(tmp= recorded {text})")
    if isinstance(stored, int):
        return {"status": stored}
    try:
        seen = h2o.api("GET /3/Frames/recorded?row_count=100&full_column_count=-1")["frames"][0]
    except (h2o.exceptions.H2OServerError, h2o.exceptions.H2OResponseError):
        return {"unreadable": True}
    finally:
        ask("(rm recorded)")
    return {"frame": [[c["label"], c["type"], c["domain"], c["string_data"] or c["data"]] for c in seen["columns"]]}


def record(text: str) -> dict[str, Any]:
    """The case of one expression."""
    found = ask(text)
    if isinstance(found, int):
        return {"status": found}
    if "key" in found:
        return frame_of(text)
    kind = next(k for k in ("scalar", "string", "funstr") if k in found)
    return {kind: found[kind]}


def main(url: str, target: str) -> None:
    """Write the cases, one a line."""
    h2o.connect(url=url, verbose=False)
    h2o.no_progress()
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FRAMES.items():
            path = Path(folder, f"{name}.csv")
            path.write_text(text, encoding="utf-8")
            types = [t.lower() for t in TYPES[name]]
            h2o.import_file(str(path), destination_frame=name, header=1, col_types=types)
    for text in PREPARE:
        ask(text)
    lines = [json.dumps({"expr": e, **record(e)}, ensure_ascii=False) for e in expressions()]
    version = h2o.cluster().version
    about = json.dumps({"origin": f"H2O-3 {version}", "frames": FRAMES, "types": TYPES, "prepare": PREPARE}, ensure_ascii=False)
    text = f'{about[:-1]}, "cases": [\n' + ",\n".join(lines) + "\n]}\n"
    Path(target).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
