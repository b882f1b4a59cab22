#!/usr/bin/env bash
#
# polars 2.1.0 reads CSV that numpy.savetxt 2.4.6 wrote, which spells a missing float nan, as Python, C's printf
# and Arrow do.
#
# Expected: a column of numbers with a NaN. polars reads NaN and inf as numbers, and casting the text "nan" to
# Float64 gives NaN as well.
#
# What happens: in guessing types only NaN (this spelling) and inf count as numbers, so one nan among the first
# 100 rows makes the whole column String, together with all its good numbers. When the nan comes after those
# rows, the column was already a Float64 and the same nan is read without complaint. -Infinity behaves like nan.
#
# Seen:
#   polars 2.1.0 numpy 2.4.6
#   nan in row 2:     String ['1.5', 'nan', '2.5']
#   nan in row 151:   Float64 last nan
#   schema_overrides: Float64 [1.5, nan]
#   guessed beside 1.5: {'NaN': 'Float64', 'nan': 'String', 'inf': 'Float64', '-Infinity': 'String'}
#   cast from text: [nan, -inf]
#
# Why it matters: the type of a column depends on whether a missing value is in the first hundred rows or later,
# so a job that ran for months breaks on a re-sorted file - or, worse, a model gets the column as a category of
# thousands of levels. Give schema_overrides for float columns.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    polars==2.1.0 numpy==2.4.6

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import io

import numpy as np
import polars as pl

print("polars", pl.__version__, "numpy", np.__version__)


def saved(rows):
    out = io.BytesIO()
    np.savetxt(out, np.array(rows), fmt="%g", delimiter=",", header="x,k", comments="")
    return out.getvalue()


early = pl.read_csv(saved([[1.5, 1], [np.nan, 2], [2.5, 3]]))
late = pl.read_csv(saved([[1.5, 1]] * 150 + [[np.nan, 2]]))
told = pl.read_csv(saved([[1.5, 1], [np.nan, 2]]), schema_overrides={"x": pl.Float64})
print("nan in row 2:    ", early["x"].dtype, early["x"].to_list())
print("nan in row 151:  ", late["x"].dtype, "last", late["x"][-1])
print("schema_overrides:", told["x"].dtype, told["x"].to_list())
guess = {text: pl.read_csv(f"x,k\n1.5,1\n{text},2\n".encode())["x"].dtype for text in ("NaN", "nan", "inf", "-Infinity")}
print("guessed beside 1.5:", {text: str(dtype) for text, dtype in guess.items()})
cast = pl.Series(["nan", "-Infinity"]).cast(pl.Float64).to_list()
print("cast from text:", cast)

assert early["x"].dtype == pl.String and late["x"].dtype == told["x"].dtype == pl.Float64
assert np.isnan(late["x"][-1]) and np.isnan(cast[0]) and cast[1] == -np.inf
assert guess["NaN"] == guess["inf"] == pl.Float64, guess
assert guess["nan"] == guess["-Infinity"] == pl.String, guess
EOF
