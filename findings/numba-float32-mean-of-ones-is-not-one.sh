#!/usr/bin/env bash
#
# numba 0.68.1 with NumPy 2.4.6. Twenty million float32 values, all 1, are summed and averaged by the array
# methods, once in NumPy and once inside an njit function that holds nothing but the call.
#
# Expected: the same up to the last digits; float32 is a common type, and numba says it
# supports these methods.
#
# What happens: NumPy adds in pairs and gets 20000000, 1.0 and 0.0. numba adds one value after the other in
# float32, and 16777216 + 1 is 16777216 there, so the sum stops: the mean of ones is 0.839 and their standard
# deviation 0.161. np.nanmean of the very same array under numba is right, since it counts in double. No
# warning.
#
# Seen:
#   numba 0.68.1 numpy 2.4.6
#   numpy  1000000 ones: sum 1000000, mean 1.0000, std 0.0000, nanmean 1.0000
#   numba  1000000 ones: sum 1000000, mean 1.0000, std 0.0000, nanmean 1.0000
#   numpy 20000000 ones: sum 20000000, mean 1.0000, std 0.0000, nanmean 1.0000
#   numba 20000000 ones: sum 16777216, mean 0.8389, std 0.1611, nanmean 1.0000
#
# Why it matters: float32 is how data frames and tree libraries keep their columns to save memory, and compiling
# a function that was tested on small data changes its results only on large data. Pass dtype=np.float64 or add
# into a float variable in the loop.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    numba==0.68.1 numpy==2.4.6

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import numba
import numpy as np

print("numba", numba.__version__, "numpy", np.__version__)


@numba.njit
def compiled(a):
    return a.sum(), a.mean(), a.std(), np.nanmean(a)


def plain(a):
    return a.sum(), a.mean(), a.std(), np.nanmean(a)


seen = {}
for rows in (1_000_000, 20_000_000):
    ones = np.ones(rows, np.float32)
    for name, function in (("numpy", plain), ("numba", compiled)):
        seen[name, rows] = [float(v) for v in function(ones)]
        total, mean, deviation, nanmean = seen[name, rows]
        print(f"{name} {rows:>8} ones: sum {total:.0f}, mean {mean:.4f}, std {deviation:.4f}, nanmean {nanmean:.4f}")

assert seen["numpy", 20_000_000] == [20_000_000, 1, 0, 1], seen
assert seen["numba", 1_000_000] == [1_000_000, 1, 0, 1], seen
total, mean, deviation, nanmean = seen["numba", 20_000_000]
assert total == 2**24 and abs(mean - 0.8389) < 1e-3 and deviation > 0.15 and nanmean == 1, seen
EOF
