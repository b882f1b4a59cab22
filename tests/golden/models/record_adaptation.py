"""Records how H2O-3 reads every type of column where a model has another: run against an H2O-3 3.46.0.11 server.

python tests/golden/models/record_adaptation.py http://127.0.0.1:54321

One GBM of one deep tree for each type of training column gives each value its own prediction, so a prediction says how a value was
read. ``status`` is that of /3/Predictions; ``said`` the message, ``warnings`` those of the job of /4/Predictions.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

N = 40
Values = list[Any]
#: name -> (values that come again and again, type).
TRAINED: dict[str, tuple[Values, str]] = {
    "enum": (["u", "v", "w", "x", None], "enum"),
    "digits": (["1", "2", "3", "10", None], "enum"),
    "codes": (["1", "2", "3", "4", "5"], "enum"),
    "numeric": ([1, 2, 3, 10, None], "numeric"),
    "time": (["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-10", None], "time"),
}
SCORED: dict[str, tuple[Values, str]] = {
    "enum": (["u", "v", "zzz", None], "enum"),
    "string": (["u", "v", "zzz", None], "string"),
    "digits": (["1", "2", "77", None], "enum"),
    "digit_strings": (["1", "2", "77", None], "string"),
    "integers": ([1, 2, 77, None], "numeric"),
    "known_integers": ([1, 2, 3, None], "numeric"),
    "known_and_fraction": ([1, 2, 2.5, None], "numeric"),
    "reals": ([1.0, 2.5, 77.25, None], "numeric"),
    "time": (["2024-01-01", "2024-01-02", "2024-02-01", None], "time"),
    "uuid": ([f"00000000-0000-0000-0000-00000000000{i}" for i in (5, 6, 7)] + [None], "uuid"),
    "missing_numbers": ([None] * 4, "numeric"),
    "missing_levels": ([None] * 4, "enum"),
    "missing_texts": ([None] * 4, "string"),
    "many_levels": ([f"L{i:02d}" for i in range(60)], "enum"),
    "many_texts": ([f"L{i:02d}" for i in range(60)], "string"),
    "quotes": (['a"b', "c\\d", "e,f"], "string"),
}
PARAMETERS = {"ntrees": 1, "learn_rate": 1, "min_rows": 1, "max_depth": 10, "seed": 1}


def training_columns(values: Values) -> dict[str, Values]:
    """The column in question, one that says nothing, and a response that tells its values apart."""
    c = [values[i % 5] for i in range(N)]
    return {"c": c, "a": [float(i // 5 % 2) for i in range(N)], "y": [[1.0, 2.0, 3.0, 4.0, 10.0][i % 5] for i in range(N)]}


def scored_columns(values: Values) -> dict[str, Values]:
    """The same columns of rows to score."""
    return {"c": values, "a": [float(i % 2) for i in range(len(values))], "y": [float(i) for i in range(len(values))]}


def main(url: str) -> None:
    import h2o
    from h2o.estimators import H2OGradientBoostingEstimator

    h2o.connect(url=url, verbose=False)
    h2o.no_progress()

    def put(key: str, columns: dict[str, Values], kind: str) -> Any:
        return h2o.H2OFrame(columns, destination_frame=key, column_types={"c": kind})

    def call(path: str, **form: Any) -> tuple[int, Any]:
        try:
            with urlopen(Request(url + path, data=urlencode(form).encode() if form else None)) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as e:
            return e.code, json.loads(e.read())

    for scored, (values, kind) in SCORED.items():
        put(f"scored_{scored}", scored_columns(values), kind)
    cases: dict[str, Any] = {}
    for trained, (values, kind) in TRAINED.items():
        frame = put(f"trained_{trained}", training_columns(values), kind)
        model = H2OGradientBoostingEstimator(model_id=f"reads_{trained}", **PARAMETERS)
        model.train(x=["c", "a"], y="y", training_frame=frame)
        for scored in SCORED:
            both = f"models/reads_{trained}/frames/scored_{scored}"
            status, answer = call(f"/3/Predictions/{both}", predictions_frame="p")
            found: dict[str, Any] = {"status": status}
            if status == 200:
                column = call("/3/Frames/p?row_count=100")[1]["frames"][0]["columns"][0]
                found["predictions"] = [round(v, 4) for v in column["data"]]
            else:
                found["said"] = " ".join(answer["msg"].replace("ERROR MESSAGE:", "").split())
            _, answer = call(f"/4/Predictions/{both}", predictions_frame="p4")
            job = answer.get("job", answer)
            while job["status"] in ("CREATED", "RUNNING"):
                job = call("/3/Jobs/" + quote(job["key"]["name"], safe=""))[1]["jobs"][0]
            found |= {"job": job["status"], "warnings": job["warnings"] or []}
            cases[f"{trained} <- {scored}"] = found
    text = json.dumps({"origin": "H2O-3 3.46.0.11", "cases": cases}, indent=1)
    Path(__file__).with_name("adaptation.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
