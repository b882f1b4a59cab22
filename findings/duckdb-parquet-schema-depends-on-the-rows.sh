#!/usr/bin/env bash
#
# DuckDB 2.0.1 writes one table to Parquet twice, before and after a row with a NULL is added; pyarrow 26.0.1
# reads both. The columns of the table are declared without NOT NULL.
#
# Expected: the schema of the table, nullable columns, in both files. What is in the rows should show in the
# statistics only.
#
# What happens: a column in which this batch happens to have no NULL is written as required ("not null" in
# pyarrow), one with a NULL as optional. The two tables have different schemas, so pa.concat_tables raises
# ArrowInvalid, and a ParquetWriter opened with the first schema refuses the second; read as one dataset, the
# schema of the first file wins and says "not null" of a column that has a missing value.
#
# Seen:
#   duckdb 2.0.1 pyarrow 26.0.1
#   monday   ['pyarrow.Field<i: int32 not null>', 'pyarrow.Field<s: string not null>'] missing i: 0
#   tuesday  ['pyarrow.Field<i: int32>', 'pyarrow.Field<s: string not null>'] missing i: 1
#   concat_tables: ArrowInvalid Schema at index 1 was different:
#   ParquetWriter: ValueError Table schema does not match schema used to create file:
#   as one dataset: pyarrow.Field<i: int32 not null> [1, 2, 1, 2, None]
#
# Why it matters: daily exports of one query agree until the first day with a missing value. A platform that
# trusts the flag skips its missing-value handling for that column; one that compares schemas rejects good
# files. Compare names and types only, or cast to nullable fields.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    duckdb==2.0.1 pyarrow==26.0.1

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

print("duckdb", duckdb.__version__, "pyarrow", pa.__version__)
db = duckdb.connect()
db.sql("CREATE TABLE t (i INTEGER, s VARCHAR)")
db.sql("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
db.sql("COPY t TO 'monday.parquet'")
db.sql("INSERT INTO t VALUES (NULL, 'c')")
db.sql("COPY t TO 'tuesday.parquet'")

monday, tuesday = pq.read_table("monday.parquet"), pq.read_table("tuesday.parquet")
for name, table in (("monday", monday), ("tuesday", tuesday)):
    print(f"{name:8}", [str(field) for field in table.schema], "missing i:", table["i"].null_count)
error = None
try:
    pa.concat_tables([monday, tuesday])
except pa.ArrowInvalid as problem:
    error = problem
print("concat_tables:", type(error).__name__, str(error).split("\n")[0])
refused = None
with pq.ParquetWriter("both.parquet", monday.schema) as writer:
    writer.write_table(monday)
    try:
        writer.write_table(tuesday)
    except ValueError as problem:
        refused = problem
print("ParquetWriter:", type(refused).__name__, str(refused).split("\n")[0])
both = pq.read_table(["monday.parquet", "tuesday.parquet"])
print("as one dataset:", str(both.schema.field("i")), both["i"].to_pylist())

assert not monday.schema.field("i").nullable and tuesday.schema.field("i").nullable
assert error is not None and refused is not None
assert not both.schema.field("i").nullable and both["i"].null_count == 1
EOF
