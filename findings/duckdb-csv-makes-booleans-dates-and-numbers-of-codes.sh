#!/usr/bin/env bash
#
# DuckDB 2.0.1, read_csv with its defaults; polars 2.1.0 and pandas 3.1.1 for comparison. Small CSV files with
# one column of codes each.
#
# Expected: text for all but true and false, as in polars and pandas, or at least one answer for a column of sex
# with and without men in it.
#
# What happens: F, F, F is BOOLEAN false, F, M is text. yes and no are BOOLEAN, y and n and on and off are not.
# Paragraphs like 1-2-3 are TIMESTAMPs of the year 1, 10-11-12 is a DATE of 2010, epoch is a DATE too, and inf
# alone is the DATE 9999-12-31 as Python shows it, while inf in the row before 1.5 makes the column text and in
# the row after it a DOUBLE. 0b11 and 0x1F are the whole numbers 3 and 31.
#
# Seen:
#   duckdb 2.0.1 polars 2.1.0 pandas 3.1.1
#   ['F', 'F']: DuckDB BOOLEAN ['False', 'False'], polars String, pandas str
#   ['F', 'M']: DuckDB VARCHAR ['F', 'M'], polars String, pandas str
#   ['yes', 'no']: DuckDB BOOLEAN ['True', 'False'], polars String, pandas str
#   ['y', 'n']: DuckDB VARCHAR ['y', 'n'], polars String, pandas str
#   ['1-2-3', '4-5-6']: DuckDB TIMESTAMP ['0001-02-03 00:00:00', '0004-05-06 00:00:00'], polars String, pandas str
#   ['10-11-12']: DuckDB DATE ['2010-11-12'], polars String, pandas str
#   ['epoch']: DuckDB DATE ['1970-01-01'], polars String, pandas str
#   ['inf']: DuckDB DATE ['9999-12-31'], polars Float64, pandas float64
#   ['inf', '1.5']: DuckDB VARCHAR ['inf', '1.5'], polars Float64, pandas float64
#   ['1.5', 'inf']: DuckDB DOUBLE ['1.5', 'inf'], polars Float64, pandas float64
#   ['0b11']: DuckDB BIGINT ['3'], polars String, pandas str
#   ['0x1F']: DuckDB BIGINT ['31'], polars String, pandas str
#
# Why it matters: each is read right for the whole table and wrong for a part of it - one region, one sex, one
# day's export -, so levels of training and scoring data do not meet. Give types for columns of codes, or
# all_varchar=true and type them afterwards.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    duckdb==2.0.1 polars==2.1.0 pandas==3.1.1

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import duckdb
import pandas as pd
import polars as pl

print("duckdb", duckdb.__version__, "polars", pl.__version__, "pandas", pd.__version__)
seen = {}
for cells in (["F", "F"], ["F", "M"], ["yes", "no"], ["y", "n"], ["1-2-3", "4-5-6"], ["10-11-12"], ["epoch"], ["inf"], ["inf", "1.5"], ["1.5", "inf"], ["0b11"], ["0x1F"]):
    with open("codes.csv", "w") as out:
        out.write("k,v\n" + "".join(f"a,{cell}\n" for cell in cells))
    relation = duckdb.sql("FROM read_csv('codes.csv', header=true)")
    kind, values = str(relation.types[1]), [str(row[1]) for row in relation.fetchall()]
    seen[tuple(cells)] = kind, values
    print(f"{cells}: DuckDB {kind} {values}, polars {pl.read_csv('codes.csv')['v'].dtype}, pandas {pd.read_csv('codes.csv')['v'].dtype}")

assert seen["F", "F"] == ("BOOLEAN", ["False", "False"]) and seen["F", "M"][0] == "VARCHAR", seen
assert seen["yes", "no"][0] == "BOOLEAN" and seen["y", "n"][0] == "VARCHAR", seen
assert seen["1-2-3", "4-5-6"] == ("TIMESTAMP", ["0001-02-03 00:00:00", "0004-05-06 00:00:00"]), seen
assert seen[("10-11-12",)] == ("DATE", ["2010-11-12"]) and seen[("epoch",)][0] == "DATE", seen
assert seen[("inf",)] == ("DATE", ["9999-12-31"]) and seen["inf", "1.5"][0] == "VARCHAR", seen
assert seen["1.5", "inf"] == ("DOUBLE", ["1.5", "inf"]), seen
assert seen[("0b11",)] == ("BIGINT", ["3"]) and seen[("0x1F",)] == ("BIGINT", ["31"]), seen
EOF
