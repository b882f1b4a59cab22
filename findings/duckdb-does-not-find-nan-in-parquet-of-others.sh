#!/usr/bin/env bash
#
# DuckDB 2.0.1 reads a Parquet file with the cells NaN, 1 and 2 in one column, written by pyarrow 26.0.1, by
# polars 2.1.0 and by DuckDB itself, and the same cells from a table of its own.
#
# Expected: the answers do not depend on who wrote the file. In DuckDB NaN is the largest number, so it is
# greater than 5, and isnan() finds it.
#
# What happens: pyarrow and polars write a minimum of 1 and a maximum of 2 for the column, which is what the
# Parquet format asks for: NaN has no place in the statistics. DuckDB takes them for the bounds of all cells and
# skips the row group: WHERE isnan(x) finds nothing, x > 5 finds nothing, and max(x) is 2 for the file of
# pyarrow. From a table, or from its own file (without such statistics), the NaN is found and is the maximum.
# With a filter that does not exclude the group (x > 1.5) the NaN is there again.
#
# Seen:
#   duckdb 2.0.1 pyarrow 26.0.1 polars 2.1.0
#   cells              {'isnan(x)': ['nan'], 'x > 5': ['nan'], 'x > 1.5': ['nan', '2.0'], 'max': ['nan'], 'counted': ['1']}
#   'duckdb.parquet'   {'isnan(x)': ['nan'], 'x > 5': ['nan'], 'x > 1.5': ['nan', '2.0'], 'max': ['nan'], 'counted': ['1']}
#   'pyarrow.parquet'  {'isnan(x)': [], 'x > 5': [], 'x > 1.5': ['nan', '2.0'], 'max': ['2.0'], 'counted': ['1']}
#   'polars.parquet'   {'isnan(x)': [], 'x > 5': [], 'x > 1.5': ['nan', '2.0'], 'max': ['nan'], 'counted': ['1']}
#   statistics of duckdb.parquet: None
#   statistics of pyarrow.parquet: (1.0, 2.0)
#   statistics of polars.parquet: (1.0, 2.0)
#
# Why it matters: the check "has this column any NaN" answers no for files of pandas and polars, and the rows
# then turn up in training. Count with count(*) FILTER (isnan(x)), which reads the cells, or load the file into
# a table first.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

print("duckdb", duckdb.__version__, "pyarrow", pa.__version__, "polars", pl.__version__)
cells = pa.table({"x": [float("nan"), 1.0, 2.0]})
pq.write_table(cells, "pyarrow.parquet")
pl.from_arrow(cells).write_parquet("polars.parquet")
duckdb.from_arrow(cells).create("cells")
duckdb.sql("COPY cells TO 'duckdb.parquet'")

seen = {}
for source in ("cells", "'duckdb.parquet'", "'pyarrow.parquet'", "'polars.parquet'"):
    seen[source] = {
        text: [str(row[0]) for row in duckdb.sql(f"SELECT {what} FROM {source} {where}").fetchall()]
        for text, what, where in (
            ("isnan(x)", "x", "WHERE isnan(x)"),
            ("x > 5", "x", "WHERE x > 5"),
            ("x > 1.5", "x", "WHERE x > 1.5"),
            ("max", "max(x)", ""),
            ("counted", "count(*) FILTER (isnan(x))", ""),
        )
    }
    print(f"{source:18}", seen[source])
for name in ("duckdb", "pyarrow", "polars"):
    stats = pq.ParquetFile(f"{name}.parquet").metadata.row_group(0).column(0).statistics
    print(f"statistics of {name}.parquet:", (stats.min, stats.max) if stats.has_min_max else None)

right = {"isnan(x)": ["nan"], "x > 5": ["nan"], "x > 1.5": ["nan", "2.0"], "max": ["nan"], "counted": ["1"]}
assert seen["cells"] == seen["'duckdb.parquet'"] == right, seen
missed = {**right, "isnan(x)": [], "x > 5": []}
assert seen["'polars.parquet'"] == missed and seen["'pyarrow.parquet'"] == {**missed, "max": ["2.0"]}, seen
EOF
