#!/usr/bin/env bash
#
# DuckDB 2.0.1 writes an ENUM column to Parquet, pyarrow 26.0.1 reads it with read_dictionary (and pandas 3.1.1
# makes a category of that).
#
# Expected: either the levels of the ENUM, all of them in their order, or the texts that occur, as for a VARCHAR
# column.
#
# What happens: the dictionary page has the whole ENUM's places, but a level that no row of the file has is
# written as an empty text. With levels lo, mid, hi and rows hi, NULL, lo, the dictionary is lo, '', hi; all
# rows still read right, and the schema says plain string. A VARCHAR column with the same rows has hi, lo. So
# the levels that were not used cannot be recovered, and one that never existed appears; two unused ones would
# appear as the same level twice.
#
# Seen:
#   duckdb 2.0.1 pyarrow 26.0.1 pandas 3.1.1
#   stored type: string
#   ENUM    rows ['hi', None, 'lo'] dictionary ['lo', '', 'hi'] pandas categories ['lo', '', 'hi']
#   VARCHAR rows ['hi', None, 'lo'] dictionary ['hi', 'lo'] pandas categories ['hi', 'lo']
#
# Why it matters: whoever takes the dictionary as the levels of a column (a category in pandas, an enum of a
# training frame) gets a level '', and with it an indicator column or a level of the response nobody has. Build
# levels from the rows, not from the dictionary page.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    duckdb==2.0.1 pyarrow==26.0.1 pandas==3.1.1

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

print("duckdb", duckdb.__version__, "pyarrow", pa.__version__, "pandas", pd.__version__)
db = duckdb.connect()
db.sql("CREATE TYPE size AS ENUM ('lo', 'mid', 'hi')")
db.sql("CREATE TABLE t (e size)")
db.sql("INSERT INTO t VALUES ('hi'), (NULL), ('lo')")
db.sql("COPY t TO 'enum.parquet'")
db.sql("COPY (SELECT e::VARCHAR AS e FROM t) TO 'text.parquet'")


def read(name):
    column = pq.read_table(name, read_dictionary=["e"])["e"]
    return column.combine_chunks().dictionary.to_pylist(), column.to_pylist(), column.to_pandas().cat.categories.tolist()


enum, text = read("enum.parquet"), read("text.parquet")
print("stored type:", pq.read_schema("enum.parquet").field("e").type)
for name, (levels, rows, categories) in (("ENUM   ", enum), ("VARCHAR", text)):
    print(name, "rows", rows, "dictionary", levels, "pandas categories", categories)

assert enum[1] == text[1] == ["hi", None, "lo"], (enum, text)
assert sorted(text[0]) == ["hi", "lo"], text
assert enum[0] == ["lo", "", "hi"] and enum[2] == ["lo", "", "hi"], enum
EOF
