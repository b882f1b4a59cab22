#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. Two frames are merged on a numeric column k. On the left k is 1, 2,
# 3. On the right it is 1, 2 and 4 in one frame, 1, 2 and 4.5 in another; the 4.5 has no partner in either case.
#
# Expected: the rows 1 and 2 twice, as in pandas or SQL, or an error about the types, as H2O-3 gives for text
# against number.
#
# What happens: the columns are compared by their bits. As soon as one row has a fraction the whole column is
# kept as doubles, 1 and 1.0 are not the same key any more, and the merge is empty. With all_x=True, which has
# to keep every row of the left, the result has no rows either here; the other way round (decimals on the left)
# the rows stay and all partners are missing.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11 pandas 3.1.1
#   right keys [1, 2, 4]: H2O [[1, 10, 100], [2, 20, 200]], all_x=True [[1.0, 10.0, 100.0], [2.0, 20.0, 200.0], [3.0, 30.0, nan]], pandas [[1, 10, 100], [2, 20, 200]]
#   right keys [1, 2, 4.5]: H2O [], all_x=True [], pandas [[1, 10, 100], [2, 20, 200]]
#   decimals on the left, all_x=True: [[1.0, 100.0, nan], [2.0, 200.0, nan], [4.5, 400.0, nan]]
#
# Why it matters: one price of 4.50 or one bad row in a column of ids makes a join lose everything without a
# word. Make keys whole numbers or levels on both sides before a merge, and count the rows after it.

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


def rows(frame):
    return frame.as_data_frame(use_multi_thread=False).values.tolist()


left = pd.DataFrame({"k": [1, 2, 3], "x": [10, 20, 30]})
seen = {}
for name, keys in (("whole", [1, 2, 4]), ("real", [1, 2, 4.5])):
    right = pd.DataFrame({"k": keys, "z": [100, 200, 400]})
    merged = h2o.H2OFrame(left).merge(h2o.H2OFrame(right))
    seen[name] = rows(merged), rows(h2o.H2OFrame(left).merge(h2o.H2OFrame(right), all_x=True)), left.merge(right).values.tolist()
    print(f"right keys {keys}: H2O {seen[name][0]}, all_x=True {seen[name][1]}, pandas {seen[name][2]}")

assert seen["whole"][0] == [[1, 10, 100], [2, 20, 200]], seen
assert seen["real"][2] == [[1, 10, 100], [2, 20, 200]], seen
assert seen["real"][0] == [], seen
assert len(seen["whole"][1]) == 3 and seen["real"][1] == [], seen
decimals = pd.DataFrame({"k": [1, 2, 4.5], "z": [100, 200, 400]})
turned = rows(h2o.H2OFrame(decimals).merge(h2o.H2OFrame(left), all_x=True))
print("decimals on the left, all_x=True:", turned)
assert [row[0] for row in turned] == [1, 2, 4.5] and all(row[2] != row[2] for row in turned), turned
EOF
