#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17; pandas 3.1.1 for comparison. The operators // and % of an H2OFrame,
# on -7, 7.9, 7 and a missing cell.
#
# Expected: what Python's // and % mean, and what pandas does with the same expression: rounding down, a
# remainder with the sign of the divisor, missing stays missing; that is, x == (x // d) * d + x % d.
#
# What happens: // cuts both sides to whole numbers and rounds towards zero: -7 // 2 is -3, 7.9 // 2.5 is 3 but
# 9 // 2.5 is 4 (as 9 // 2) instead of 3, 7.9 // 0.5 is missing, since 0.5 is cut to 0; and a missing cell
# becomes 0. % keeps the sign of the left side and leaves missing cells missing.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11 pandas 3.1.1
#   x // 2    of [-7, 9, 7.9, missing]: H2O [-3, 4, 3, 0], pandas [-4.0, 4.0, 3.0, nan]
#   x // 2.5  of [-7, 9, 7.9, missing]: H2O [-3, 4, 3, 0], pandas [-3.0, 3.0, 3.0, nan]
#   x // 0.5  of [-7, 9, 7.9, missing]: H2O [nan, nan, nan, nan], pandas [-14.0, 18.0, 15.0, nan]
#   x % 3     of [-7, 9, 7.9, missing]: H2O [-1.0, 0.0, 1.9000000000000004, nan], pandas [2.0, 0.0, 1.9000000000000004, nan]
#   floor(x / 2): [-4.0, 4.0, 3.0, nan]
#
# Why it matters: age groups, time slots and buckets are made with //. Rows without a value land in bucket 0
# among the real ones, and negative times in the bucket above theirs. Divide and use floor() instead.

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
import numpy as np
import pandas as pd

h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version, "pandas", pd.__version__)

cells = pd.DataFrame({"x": [-7, 9, 7.9, np.nan]})
frame = h2o.H2OFrame(cells)


def fetch(result):
    return result.as_data_frame(use_multi_thread=False).iloc[:, 0].tolist()


seen = {}
for text, operation in (("x // 2", lambda v: v["x"] // 2), ("x // 2.5", lambda v: v["x"] // 2.5), ("x // 0.5", lambda v: v["x"] // 0.5), ("x % 3", lambda v: v["x"] % 3)):
    seen[text] = fetch(operation(frame)), operation(cells).tolist()
    print(f"{text:9} of [-7, 9, 7.9, missing]: H2O {seen[text][0]}, pandas {seen[text][1]}")
whole = fetch((frame["x"] / 2).floor())
print("floor(x / 2):", whole)

assert seen["x // 2"][0] == [-3, 4, 3, 0], seen
assert seen["x // 2.5"][0] == [-3, 4, 3, 0] and seen["x // 2.5"][1][:2] == [-3, 3], seen
assert all(v != v for v in seen["x // 0.5"][0][:3]), seen
assert seen["x % 3"][0][0] == -1 and seen["x % 3"][0][3] != seen["x % 3"][0][3], seen
assert whole[:3] == [-4, 4, 3] and whole[3] != whole[3], whole
EOF
