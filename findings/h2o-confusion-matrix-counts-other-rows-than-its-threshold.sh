#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. make_metrics() on 20000 different predicted probabilities; then, for
# a threshold taken from the metrics' own table (so that nothing has to be looked up by nearness), the confusion
# matrix is compared with a count of the rows at or above it, which is what predict() labels as positive.
#
# Expected: the table holds 400 thresholds at most, as is known, but what it says of each of them is
# right.
#
# What happens: a line of the table is a bin of some fifty predictions: its threshold is their mean, its counts
# take the bin as a whole, also the half of it that lies below. So true and false positives are too many for the
# threshold named, at every line. For 200 different predictions the numbers agree.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11
#   200 predictions: 200 lines, 0 count other rows than p >= threshold
#   20000 predictions: 400 lines, 400 count other rows than p >= threshold
#   threshold 0.900211: confusion matrix says 302 false and 1784 true positives,
#      rows at or above it: 296 false and 1765 true
#
# Why it matters: a limit of false alarms that is read off the confusion matrix or find_threshold_by_max_metric
# and then used in a rule "p >= threshold" is not kept, and predict() with the default threshold does not
# reproduce the matrix that the model prints. Count on the predictions where it matters.

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
print("h2o", h2o.__version__, "server", h2o.cluster().version)

rng = np.random.default_rng(2)
off = {}
for rows in (200, 20_000):
    p = rng.random(rows)
    positive = rng.random(rows) < p**3
    frame = h2o.H2OFrame(pd.DataFrame({"p": p, "y": np.where(positive, "yes", "no")}), column_types={"y": "enum"})
    metrics = h2o.make_metrics(frame["p"], frame["y"])
    table = metrics._metric_json["thresholds_and_metric_scores"]
    names = table.col_header
    lines = [dict(zip(names, line)) for line in table.cell_values]
    wrong = 0
    for line in lines:
        chosen = p >= line["threshold"] - 1e-12
        wrong += (int(line["tps"]), int(line["fps"])) != ((chosen & positive).sum(), (chosen & ~positive).sum())
    off[rows] = wrong / len(lines)
    print(f"{rows} predictions: {len(lines)} lines, {wrong} count other rows than p >= threshold")
    if rows == 20_000:
        line = min(lines, key=lambda each: abs(each["threshold"] - 0.9))
        chosen = p >= line["threshold"]
        told = metrics.confusion_matrix(thresholds=[line["threshold"]]).to_list()
        print(f"threshold {line['threshold']:.6f}: confusion matrix says {told[0][1]:.0f} false and {told[1][1]:.0f} true positives,")
        print(f"   rows at or above it: {(chosen & ~positive).sum()} false and {(chosen & positive).sum()} true")
        extra = told[0][1] + told[1][1] - chosen.sum()

assert off[200] == 0, off
assert off[20_000] > 0.9 and extra > 10, (off, extra)
EOF
