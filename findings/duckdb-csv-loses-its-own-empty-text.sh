#!/usr/bin/env bash
#
# DuckDB 2.0.1; polars 2.1.0 for comparison. A text column with a, NULL and the empty text is written with COPY
# ... TO a CSV file and read again, both with the defaults.
#
# Expected: what was written. The writer leaves the cell of a NULL bare and writes "" for the empty text, and
# there can be no other reason for these quotes than to tell the two apart, as in PostgreSQL, whose reader does.
#
# What happens: the reader takes quoted and bare cells alike and gives NULL for both, so a round trip through
# DuckDB's own file turns every empty text into a missing value. polars reads the very same file back right.
# allow_quoted_nulls=false makes DuckDB do so too.
#
# Seen:
#   duckdb 2.0.1 polars 2.1.0
#   file: ['k,s', '1,a', '2,', '3,""']
#   table                             ['a', None, '']
#   duckdb                            ['a', None, None]
#   duckdb, allow_quoted_nulls=false  ['a', None, '']
#   polars                            ['a', None, '']
#
# Why it matters: an empty answer and no answer are two levels of a survey and become one; NOT NULL columns
# cannot be loaded from their own export; and the same CSV has different counts of missing values in DuckDB and
# polars. Pass the option wherever the file was written by a library.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    duckdb==2.0.1 polars==2.1.0

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import duckdb
import polars as pl

print("duckdb", duckdb.__version__, "polars", pl.__version__)
duckdb.sql("CREATE TABLE t AS FROM (VALUES (1, 'a'), (2, NULL), (3, '')) v(k, s)")
duckdb.sql("COPY t TO 'texts.csv'")
with open("texts.csv") as file:
    print("file:", file.read().split())
seen = {
    "table": [row[0] for row in duckdb.sql("SELECT s FROM t ORDER BY k").fetchall()],
    "duckdb": [row[0] for row in duckdb.sql("SELECT s FROM 'texts.csv' ORDER BY k").fetchall()],
    "duckdb, allow_quoted_nulls=false": [
        row[0] for row in duckdb.sql("SELECT s FROM read_csv('texts.csv', allow_quoted_nulls=false) ORDER BY k").fetchall()
    ],
    "polars": pl.read_csv("texts.csv")["s"].to_list(),
}
for name, cells in seen.items():
    print(f"{name:33}", cells)

assert seen["duckdb"] == ["a", None, None], seen
assert seen["table"] == seen["polars"] == seen["duckdb, allow_quoted_nulls=false"] == ["a", None, ""], seen
EOF
