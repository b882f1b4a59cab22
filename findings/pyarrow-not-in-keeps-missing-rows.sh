#!/usr/bin/env bash
#
# pyarrow 26.0.1; polars 2.1.0, DuckDB 2.0.1 and pandas 3.1.1 for comparison. A Parquet file with the cells 1, 2
# and a missing one is read with a filter that leaves out 1, once as ("x", "!=", 1) and once as ("x", "not in",
# [1]).
#
# Expected: the same rows, whichever they are: a list of one value is that value, and SQL, polars and DuckDB
# drop the missing row in both, pandas keeps it in both.
#
# What happens: "!=" drops the missing row and "not in" keeps it. "in" behaves accordingly and can even ask for
# it: ("x", "in", [1, None]) returns the missing row.
#
# Seen:
#   pyarrow 26.0.1 polars 2.1.0 duckdb 2.0.1 pandas 3.1.1
#   pyarrow  x != 1: [2]         x not in [1]: [2, None]
#   polars   x != 1: [2]         x not in [1]: [2]
#   duckdb   x != 1: [2]         x not in [1]: [2]
#   pandas   x != 1: [2, None]   x not in [1]: [2, None]
#   pyarrow  x in [1, None]: [1, None]
#
# Why it matters: filters are lists made by programs, which write "!=" for one value and "not in" for several;
# the number of rows with a missing key then depends on how many values were chosen. The same goes for
# pandas.read_parquet(filters=...), where neither is what pandas itself would do in the first case.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.1 pandas==3.1.1

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

print("pyarrow", pa.__version__, "polars", pl.__version__, "duckdb", duckdb.__version__, "pandas", pd.__version__)
pq.write_table(pa.table({"x": [1, 2, None]}), "cells.parquet")


def arrow(*condition):
    return pq.read_table("cells.parquet", filters=[condition])["x"].to_pylist()


lazy, frame = pl.scan_parquet("cells.parquet"), pd.DataFrame({"x": pd.array([1, 2, None], dtype="object")})
seen = {
    "pyarrow": (arrow("x", "!=", 1), arrow("x", "not in", [1])),
    "polars": tuple(lazy.filter(rows).collect()["x"].to_list() for rows in (pl.col("x") != 1, ~pl.col("x").is_in([1]))),
    "duckdb": tuple(
        [row[0] for row in duckdb.sql(f"SELECT x FROM 'cells.parquet' WHERE {rows}").fetchall()]
        for rows in ("x != 1", "x NOT IN (1)")
    ),
    "pandas": (frame["x"][frame["x"] != 1].tolist(), frame["x"][~frame["x"].isin([1])].tolist()),
}
for name, (one, several) in seen.items():
    print(f"{name:8} x != 1: {one!s:10}  x not in [1]: {several}")
asked = arrow("x", "in", [1, None])
print("pyarrow  x in [1, None]:", asked)

assert seen["pyarrow"] == ([2], [2, None]), seen
assert seen["polars"] == seen["duckdb"] == ([2], [2]), seen
assert seen["pandas"][0] == seen["pandas"][1] == [2, None], seen
assert asked == [1, None], asked
EOF
