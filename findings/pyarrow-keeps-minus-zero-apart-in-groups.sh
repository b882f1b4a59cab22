#!/usr/bin/env bash
#
# pyarrow 26.0.1; polars 2.1.0, DuckDB 2.0.1 and pandas 3.1.1 for comparison. A key column holds 0.0, -0.0, NaN
# and NaN; it is grouped, made unique, encoded as a dictionary and joined with a table that has 0.0 and NaN.
#
# Expected: what pyarrow.compute.equal says of the cells: -0.0 and 0.0 are equal, NaN is not even equal to
# itself.
#
# What happens: just the opposite. group_by, unique, dictionary_encode and join compare the bytes: 0.0 and -0.0
# are two groups, two levels and no match, both NaN are one. polars, DuckDB and pandas also take the NaN
# together, but all put both zeros into one group and join them.
#
# Seen:
#   pyarrow 26.0.1 polars 2.1.0 duckdb 2.0.1 pandas 3.1.1
#   equal(0.0, -0.0), equal(NaN, NaN): (True, False)
#   groups: {'pyarrow': 3, 'polars': 2, 'duckdb': 2, 'pandas': 2}
#   rows of an inner join: {'pyarrow': 3, 'pandas': 4}
#   unique: [0.0, -0.0, nan] dictionary: [0.0, -0.0, nan]
#
# Why it matters: -0.0 comes from rounding (round(-0.2)), from multiplying by -1 and from other languages'
# exports, prints as 0 in many tools, and then is a level of its own in a categorical column, or a customer
# without a match. Add 0.0 to a column before it becomes a key.

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
import pyarrow.compute as pc

print("pyarrow", pa.__version__, "polars", pl.__version__, "duckdb", duckdb.__version__, "pandas", pd.__version__)
nan = float("nan")
left = pa.table({"x": [0.0, -0.0, nan, nan]})
right = pa.table({"x": [0.0, nan], "z": [1, 2]})
equal = pc.equal(pa.scalar(0.0), pa.scalar(-0.0)).as_py(), pc.equal(pa.scalar(nan), pa.scalar(nan)).as_py()
print("equal(0.0, -0.0), equal(NaN, NaN):", equal)

groups = {
    "pyarrow": left.group_by("x").aggregate([([], "count_all")]).num_rows,
    "polars": pl.from_arrow(left).group_by("x").len().height,
    "duckdb": len(duckdb.from_arrow(left).aggregate("x, count(*)", "x").fetchall()),
    "pandas": len(pd.DataFrame({"x": [0.0, -0.0, nan, nan]}).groupby("x", dropna=False).size()),
}
joined = {
    "pyarrow": left.join(right, "x", join_type="inner").num_rows,
    "pandas": len(pd.DataFrame({"x": [0.0, -0.0, nan, nan]}).merge(pd.DataFrame({"x": [0.0, nan]}))),
}
levels = left["x"].combine_chunks().dictionary_encode().dictionary.to_pylist()
print("groups:", groups)
print("rows of an inner join:", joined)
print("unique:", pc.unique(left["x"]).to_pylist(), "dictionary:", levels)

assert equal == (True, False), equal
assert groups == {"pyarrow": 3, "polars": 2, "duckdb": 2, "pandas": 2}, groups
assert joined == {"pyarrow": 3, "pandas": 4}, joined
assert [str(v) for v in levels] == ["0.0", "-0.0", "nan"], levels
EOF
