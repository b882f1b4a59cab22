#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. The logarithm of a column of 0 and 1 is taken, so the result is minus
# infinity and 0, and fetched as a data frame; the same for a column 0, 1, 2.
#
# Expected: -inf in both, which is what the frame itself tells (GET /3/Frames answers "-Infinity").
#
# What happens: for 0 and 1 all finite results are whole numbers, the column is written out as whole numbers,
# and the infinity becomes -9223372036854775808. With a 2 in the column, whose logarithm has a fraction, the
# same cell is -inf. And min() of the column is 0.0 in both cases: infinities are left out of the statistics,
# though isna() does not count them as missing.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11 pandas 3.1.1
#   log of [0, 1, 1]: download [-9223372036854775808, 0, 0] (int64), frame ['-Infinity', 0.0, 0.0], min 0.0, missing 0
#   log of [0, 1, 2]: download [-inf, 0.0, 0.6931471805599453] (float64), frame ['-Infinity', 0.0, 0.6931471805599453], min 0.0, missing 0
#
# Why it matters: log of indicators and counts is everyday feature work; whether the client sees -inf, which
# tools refuse or handle, or a number of nineteen digits, which goes on into a model or a mean, depends on the
# other rows.

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

seen = {}
for cells in ([0, 1, 1], [0, 1, 2]):
    result = h2o.H2OFrame(pd.DataFrame({"x": cells}))["x"].log()
    back = result.as_data_frame(use_multi_thread=False).iloc[:, 0]
    told = h2o.api(f"GET /3/Frames/{result.frame_id}")["frames"][0]["columns"][0]["data"]
    seen[cells[2]] = back.tolist(), told, float(result.min()), int(result.isna().sum())
    print(f"log of {cells}: download {back.tolist()} ({back.dtype}), frame {told}, min {seen[cells[2]][2]}, missing {seen[cells[2]][3]}")

assert seen[1][0] == [-(2**63), 0, 0], seen
assert seen[2][0][0] == float("-inf"), seen
assert seen[1][1][0] == seen[2][1][0] == "-Infinity", seen
assert all(low == 0 and missing == 0 for _, _, low, missing in seen.values()), seen
EOF
