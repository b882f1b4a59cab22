#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. merge() with method="hash" and with the default (radix) on a key
# column of decimals (1.25, 2.25, 3.25 on the left; 2.25, 1.25, 9.5 on the right).
#
# Expected: the two pairs that match from both, in another order at most. The server refuses text keys
# for the hash method, not numbers.
#
# What happens: radix is right. hash takes all decimal keys for equal: the inner merge has a row for each row of
# the right, 9.5 included, all with the x of the first row on the left, and with all_x=True every row of the
# left gets the z of the first row on the right. With whole-number keys hash finds the right pairs. Besides, an
# inner hash merge puts the columns of the right frame in front of those of the left.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11 pandas 3.1.1
#   decimals radix columns ['k', 'x', 'z'] rows [(1.25, 10.0, 101.0), (2.25, 11.0, 100.0)]
#   decimals hash  columns ['k', 'z', 'x'] rows [(1.25, 10.0, 101.0), (2.25, 10.0, 100.0), (9.5, 10.0, 102.0)]
#   decimals hash, all_x=True: rows [(1.25, 10.0, 100.0), (2.25, 11.0, 100.0), (3.25, 12.0, 100.0)]
#   whole    radix columns ['k', 'x', 'z'] rows [(5, 10, 101), (9, 11, 100)]
#   whole    hash  columns ['k', 'z', 'x'] rows [(5, 10, 101), (9, 11, 100)]
#   whole    hash, all_x=True: rows [(5.0, 10.0, 101.0), (9.0, 11.0, 100.0), (13.0, 12.0, nan)]
#
# Why it matters: the result has a plausible number of rows, no missing values and wrong ones in every row. The
# method is a speed switch by its look; leave it alone, and compare a merge with its keys wherever it was used.

set -euo pipefail

folder=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap finish EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    h2o==3.46.0.11 numpy==2.4.6 pandas==3.1.1

python=$folder/venv/bin/python
jar=$("$python" -c 'import h2o, os; print(os.path.join(os.path.dirname(h2o.__file__), "backend", "bin", "h2o.jar"))')
port=$("$python" - <<'EOF'
import socket

# H2O-3 takes two ports, one after the other.
while True:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        port = first.getsockname()[1]
        try:
            second.bind(("127.0.0.1", port + 1))
        except (OSError, OverflowError):
            continue
    print(port)
    break
EOF
)
java -Xmx1g -jar "$jar" -ip 127.0.0.1 -web_ip 127.0.0.1 -port "$port" -name "finding-$port" -nthreads 2 \
    -ice_root "$folder/ice" >"$folder/server.log" 2>&1 &
server=$!
for _ in $(seq 120); do
    if "$python" -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/3/Cloud', timeout=5)" 2>/dev/null; then
        break
    fi
    sleep 1
done

cd "$folder"
H2O_URL="http://127.0.0.1:$port" "$python" -W ignore - <<'EOF'
import os

import h2o
import pandas as pd

h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version, "pandas", pd.__version__)


def merge(left, right, **how):
    merged = h2o.H2OFrame(left).merge(h2o.H2OFrame(right), **how)
    return merged.names, sorted(map(tuple, merged.as_data_frame(use_multi_thread=False)[["k", "x", "z"]].values.tolist()))


seen = {}
for name, factor in (("decimals", 1), ("whole", 4)):
    left = pd.DataFrame({"k": [1.25, 2.25, 3.25], "x": [10, 11, 12]})
    right = pd.DataFrame({"k": [2.25, 1.25, 9.5], "z": [100, 101, 102]})
    left["k"] *= factor
    right["k"] *= factor
    for method in ("radix", "hash"):
        seen[name, method] = merge(left, right, method=method)
        print(f"{name:8} {method:5} columns {seen[name, method][0]} rows {seen[name, method][1]}")
    seen[name, "left"] = merge(left, right, method="hash", all_x=True)
    print(f"{name:8} hash, all_x=True: rows {seen[name, 'left'][1]}")

assert seen["decimals", "radix"][1] == [(1.25, 10, 101), (2.25, 11, 100)], seen
assert seen["decimals", "hash"][1] == [(1.25, 10, 101), (2.25, 10, 100), (9.5, 10, 102)], seen
assert seen["decimals", "left"][1] == [(1.25, 10, 100), (2.25, 11, 100), (3.25, 12, 100)], seen
assert seen["whole", "radix"][1] == seen["whole", "hash"][1] == [(5, 10, 101), (9, 11, 100)], seen
assert seen["whole", "hash"][0] == ["k", "z", "x"] and seen["whole", "radix"][0] == ["k", "x", "z"], seen
EOF
