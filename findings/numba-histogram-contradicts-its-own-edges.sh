#!/usr/bin/env bash
#
# numba 0.68.1 with NumPy 2.4.6. np.histogram(a, bins) with a number of equal bins, inside njit and outside, on
# values with one decimal.
#
# Expected: the same counts. Both return the same edges, bit for bit, and NumPy promises half-open bins: a value
# belongs to the bin with left edge <= value < right edge.
#
# What happens: numba works the bin out from the value by a multiplication and does not compare with the edges
# it returns. Of the values 0, 0.1 ... 1.0 in ten bins it puts some one bin away from where its own edges say
# they belong; NumPy corrects for this.
#
# Seen:
#   numba 0.68.1 numpy 2.4.6
#   5 bins, 11 values
#      numba         [2, 2, 2, 2, 3]
#      by its edges  [2, 2, 3, 1, 3]
#      numpy         [2, 2, 3, 1, 3]
#   10 bins, 11 values
#      numba         [1, 1, 1, 1, 1, 1, 1, 1, 1, 2]
#      by its edges  [1, 1, 2, 0, 1, 2, 1, 0, 1, 2]
#      numpy         [1, 1, 2, 0, 1, 2, 1, 0, 1, 2]
#   20 bins, 101 values
#      numba         [5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6]
#      by its edges  [5, 5, 6, 4, 5, 6, 5, 4, 5, 5, 5, 6, 4, 6, 4, 5, 6, 4, 6, 5]
#      numpy         [5, 5, 6, 4, 5, 6, 5, 4, 5, 5, 5, 6, 4, 6, 4, 5, 6, 4, 6, 5]
#   bins that contradict the edges: {5: 2, 10: 4, 20: 12}
#
# Why it matters: counts per bin feed drift measures, partial dependence and the split points of histogram
# trees. Whoever recounts with the edges (np.digitize, SQL, a plot) gets other numbers, and values with few
# decimals are just those that lie on edges.

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
def compiled(a, bins):
    return np.histogram(a, bins)


def by_the_edges(a, edges):
    places = np.searchsorted(edges, a, side="right") - 1
    places[a == edges[-1]] = len(edges) - 2
    return np.bincount(places, minlength=len(edges) - 1)


differ = {}
for bins in (5, 10, 20):
    a = np.arange(101) / 100 if bins == 20 else np.arange(11) / 10
    counts, edges = np.histogram(a, bins)
    fast_counts, fast_edges = compiled(a, bins)
    assert np.array_equal(edges, fast_edges), (edges, fast_edges)
    recount = by_the_edges(a, fast_edges)
    differ[bins] = int((fast_counts != recount).sum())
    print(f"{bins} bins, {len(a)} values")
    print("   numba        ", fast_counts.tolist())
    print("   by its edges ", recount.tolist())
    print("   numpy        ", counts.tolist())
    assert np.array_equal(counts, recount), (counts, recount)

print("bins that contradict the edges:", differ)
assert all(differ[b] for b in (5, 10)), differ
EOF
