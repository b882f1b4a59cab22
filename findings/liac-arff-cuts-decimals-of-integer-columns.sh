#!/usr/bin/env bash
#
# liac-arff 2.5.0, and scipy 1.17.1 for comparison. An ARFF file declares a column as integer and has 1.5, -1.5
# and 2e-1 in it.
#
# Expected: 1.5, -1.5 and 0.2, since ARFF treats integer, real and numeric alike (WEKA and scipy do), or else an
# error, as liac-arff gives for a level that is not declared.
#
# What happens: the values are cut towards zero, 1, -1 and 0, without a word. The same column declared numeric
# keeps them. Writing keeps them as well: dumps() writes 1.5 under integer, so the loss comes with the next
# loads() of the library's own file.
#
# Seen:
#   liac-arff 2.5.0 scipy 1.17.1
#   liac-arff: [[1, 1.5], [-1, -1.5], [0, 0.2]]
#   scipy:     [(1.5, 1.5), (-1.5, -1.5), (0.2, 0.2)]
#   dumps() of [1.5, 1.5]: ['1.5,1.5']
#
# Why it matters: many old data sets say integer for what later got decimals. A model trained over liac-arff (as
# OpenML's clients do) sees other data than one trained in WEKA or H2O-3, and shares below 1 become 0.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    liac-arff==2.5.0 scipy==1.17.1 numpy==2.4.6

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import importlib.metadata
import io

import arff
from scipy.io import arff as scipy_arff

print("liac-arff", importlib.metadata.version("liac-arff"), "scipy", importlib.metadata.version("scipy"))
text = "@relation r\n@attribute a integer\n@attribute b numeric\n@data\n1.5,1.5\n-1.5,-1.5\n2e-1,2e-1\n"
rows = arff.loads(text)["data"]
other = [tuple(float(v) for v in row) for row in scipy_arff.loadarff(io.StringIO(text))[0]]
written = arff.dumps({"relation": "r", "attributes": [("a", "INTEGER"), ("b", "NUMERIC")], "data": [[1.5, 1.5]]})
last = [line for line in written.splitlines() if line and line[0] not in "@%"]
print("liac-arff:", rows)
print("scipy:    ", other)
print("dumps() of [1.5, 1.5]:", last)

assert rows == [[1, 1.5], [-1, -1.5], [0, 0.2]], rows
assert other == [(1.5, 1.5), (-1.5, -1.5), (0.2, 0.2)], other
assert last == ["1.5,1.5"], last
assert arff.loads(written)["data"] == [[1, 1.5]], written
EOF
