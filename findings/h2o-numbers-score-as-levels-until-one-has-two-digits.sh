#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. A GBM is trained on an enum column whose levels are whole numbers and
# then scores the same numbers in a numeric column, which happens whenever asfactor() is forgotten.
#
# Expected: refused always, or read as the levels always.
#
# What happens: it depends on the order of the levels. Codes of one digit are read as the levels and scored
# rightly, also with gaps. As soon as a code has a second digit, and so levels in the order of texts are not in
# the order of numbers, the same frame is refused as non-categorical.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11
#   levels 1 2 3 4   [1, 2, 3, 4]
#   levels 0 5 7     [0, 5, 7]
#   levels 1 10 2 3  failed: non-categorical column
#   levels 10 11 12  [10, 11, 12]
#
# Why it matters: a scoring job works for months without asfactor() and fails the day the model is trained again
# with a tenth code.

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
from h2o.estimators import H2OGradientBoostingEstimator

h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version)


def told(levels):
    with open("train.csv", "w") as out:
        out.write("c,y\n" + "".join(f"{v},{v}\n" for v in levels * 40))
    with open("new.csv", "w") as out:
        out.write("c,row\n" + "".join(f"{v},0\n" for v in levels))
    train = h2o.import_file(os.path.abspath("train.csv"), col_types={"c": "enum"})
    new = h2o.import_file(os.path.abspath("new.csv"), col_types={"c": "numeric"})
    model = H2OGradientBoostingEstimator(ntrees=1, learn_rate=1, min_rows=1, max_depth=10, seed=1)
    model.train(x=["c"], y="y", training_frame=train)
    try:
        return [round(v) for v in model.predict(new).as_data_frame(use_multi_thread=False)["predict"]]
    except OSError as e:
        return "failed: " + ("non-categorical column" if "non-categorical column" in str(e) else str(e))


seen = {}
for levels in (["1", "2", "3", "4"], ["0", "5", "7"], ["1", "10", "2", "3"], ["10", "11", "12"]):
    seen[" ".join(levels)] = told(levels)
    print(f"levels {' '.join(levels):9}", seen[" ".join(levels)])

assert seen["1 2 3 4"] == [1, 2, 3, 4] and seen["0 5 7"] == [0, 5, 7] and seen["10 11 12"] == [10, 11, 12], seen
assert seen["1 10 2 3"] == "failed: non-categorical column", seen
EOF
