"""Record what H2O-3 makes of the cases: ``python record.py http://127.0.0.1:54321 > parse.json`` (needs the h2o client)."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import h2o
from cases import CASES


def main() -> None:
    """Print the answers as JSON."""
    h2o.connect(url=sys.argv[1], verbose=False)
    h2o.no_progress()
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in CASES.items():
            path = Path(folder, f"{name}.csv")
            path.write_bytes(text.encode())
            frame = h2o.import_file(str(path))
            seen = h2o.api(f"GET /3/Frames/{frame.frame_id}?row_count=100&full_column_count=-1")["frames"][0]
            out[name] = [
                {"name": c["label"], "type": c["type"], "domain": c["domain"], "data": c["string_data"] or c["data"]}
                for c in seen["columns"]
            ]
    version = h2o.cluster().version
    json.dump({"origin": f"H2O-3 {version}, import_file with defaults", "cases": out}, sys.stdout, indent=0, ensure_ascii=False)


if __name__ == "__main__":
    main()
