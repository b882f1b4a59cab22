"""Records ``tabulate.json`` from a running H2O-3: ``python tests/golden/frames/record_tabulate.py http://127.0.0.1:54321``."""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROWS = """x,g,y,w,h
1.5,a,10,1,p
2.25,b,20,2,q
,a,30,1,p
4,c,,3,q
5.5,b,50,1,
7,,60,2,p
8.125,a,70,1,q
9,c,80,1,p
10,b,90,2,q
3,a,15,1,q
"""
REQUESTS: dict[str, dict[str, Any]] = {
    "num_num": {"predictor": "x", "response": "y", "nbins_predictor": 4, "nbins_response": 3},
    "num_enum": {"predictor": "x", "response": "g", "nbins_predictor": 3},
    "enum_enum": {"predictor": "g", "response": "h"},
    "weight": {"predictor": "g", "response": "y", "weight": "w", "nbins_response": 2},
    "whole": {"predictor": "w", "response": "y", "nbins_response": 2},
}


def main() -> None:
    url = sys.argv[1]

    def call(path: str, **form: Any) -> Any:
        texts = {k: json.dumps(v) if isinstance(v, list) else v for k, v in form.items()}
        with urllib.request.urlopen(url + path, urllib.parse.urlencode(texts).encode(), timeout=60) as answer:
            return json.load(answer)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text(ROWS)
        keys = call("/3/ImportFilesMulti", paths=[str(path)])["destination_frames"]
        setup = call("/3/ParseSetup", source_frames=keys)
        fields = {
            f: setup[f] for f in ("column_names", "column_types", "parse_type", "separator", "check_header", "number_columns")
        }
        call("/3/Parse", source_frames=keys, destination_frame="t", blocking="true", chunk_size=4194304, **fields)
    out = {}
    for name, request in REQUESTS.items():
        answer = call("/99/Tabulate", dataset="t", **request)
        tables = {t: answer[t] for t in ("count_table", "response_table")}
        out[name] = {t: v["data"] for t, v in tables.items()} | {"names": [v["name"] for v in tables.values()]}
    (HERE / "tabulate.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
