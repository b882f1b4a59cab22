#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. A Python list with None is made a frame, its column asked to be enum.
#
# Expected: None is a missing value, as in a list of numbers.
#
# What happens: the missing cells of the enum column are rows of a level of their own, the empty text, and are
# counted as known. levels() and nlevels() do not show it, the domain of the column at the server has it.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11
#   numbers [1, None, 2]            missing 1
#   enum    ['u', None, 'v']        missing 0 levels [['u', 'v']] domain ['', 'u', 'v']
#
# Why it matters: imputing finds nothing to fill, na_omit() keeps the rows, the level is a predictor of its own,
# and a model warns of a level "" not seen in training when new data comes with holes.

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

h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version)

numbers, texts = [1, None, 2], ["u", None, "v"]
frame = h2o.H2OFrame({"n": numbers, "t": texts}, column_types={"t": "enum"})
columns = h2o.api("GET /3/Frames/" + frame.frame_id)["frames"][0]["columns"]
domain = next(c["domain"] for c in columns if c["label"] == "t")
missing = {name: int(frame[name].nacnt()[0]) for name in ("n", "t")}
print(f"numbers {numbers!s:23} missing {missing['n']}")
print(f"enum    {texts!s:23} missing {missing['t']} levels {frame['t'].levels()} domain {domain}")

assert missing == {"n": 1, "t": 0}, missing
assert frame["t"].levels() == [["u", "v"]] and domain == ["", "u", "v"], domain
EOF
