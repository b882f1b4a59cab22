#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. H2O-3 says of its trees that a level not seen in training is scored
# as a missing value. Here GBM and DRF are trained on one enum column with levels a to d (responses near 1, 5,
# 2, 9) and missing cells (near -20), so that it shows which of them a new level is taken for.
#
# Expected: near -20 for a new level and for a missing cell, whatever categorical_encoding is.
#
# What happens: that holds for the default and for sort_by_response. With label_encoder and with binary a new
# level gets the prediction of the last level d (9), with one_hot_explicit GBM gives it 2, the value of a level
# that it is not either, and DRF a number between all of them; a missing cell keeps -20 in all cases. There is
# no error in scoring.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11
#   GBM enum              level d   9.0  new level  -20.0  missing  -20.0
#   DRF enum              level d   9.0  new level  -20.0  missing  -20.0
#   GBM sort_by_response  level d   9.0  new level  -20.0  missing  -20.0
#   DRF sort_by_response  level d   9.0  new level  -20.0  missing  -20.0
#   GBM label_encoder     level d   9.0  new level    9.0  missing  -20.0
#   DRF label_encoder     level d   9.0  new level    9.0  missing  -20.0
#   GBM binary            level d   9.0  new level    9.0  missing  -20.0
#   DRF binary            level d   9.0  new level    4.3  missing  -20.0
#   GBM one_hot_explicit  level d   9.0  new level    2.0  missing  -20.0
#   DRF one_hot_explicit  level d   9.0  new level   -6.2  missing  -20.0
#
# Why it matters: a service that relies on the rule gives new customers, new shops, new codes the score of
# whatever level happens to sort last, and swapping the encoding during tuning changes who is hit. Turn unseen
# levels into missing ones before scoring.

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
from h2o.estimators import H2OGradientBoostingEstimator, H2ORandomForestEstimator

h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version)

means = {"a": 1, "b": 5, "c": 2, "d": 9, "": -20}
with open("train.csv", "w") as out:
    out.write("c,y\n" + "".join(f"{level},{mean + i / 1000}\n" for level, mean in means.items() for i in range(60)))
with open("new.csv", "w") as out:
    out.write("c,row\nd,1\nzz,2\n,3\n")
train = h2o.import_file(os.path.abspath("train.csv"), col_types={"c": "enum"})
new = h2o.import_file(os.path.abspath("new.csv"), col_types={"c": "enum"})

rows = {}
for encoding in ("enum", "sort_by_response", "label_encoder", "binary", "one_hot_explicit"):
    for name, kind, more in (("GBM", H2OGradientBoostingEstimator, {"learn_rate": 0.5}), ("DRF", H2ORandomForestEstimator, {})):
        model = kind(ntrees=20, min_rows=1, seed=1, categorical_encoding=encoding, **more)
        model.train(x=["c"], y="y", training_frame=train)
        rows[name, encoding] = [round(v, 1) for v in model.predict(new).as_data_frame(use_multi_thread=False)["predict"]]
        print(f"{name} {encoding:17} level d {rows[name, encoding][0]:5}  new level {rows[name, encoding][1]:6}  missing {rows[name, encoding][2]:6}")

assert all(abs(row[2] + 20) < 0.2 for row in rows.values()), rows
for name in ("GBM", "DRF"):
    assert all(abs(rows[name, e][1] + 20) < 0.2 for e in ("enum", "sort_by_response")), rows
    assert abs(rows[name, "label_encoder"][1] - 9) < 0.2, rows
    assert abs(rows[name, "one_hot_explicit"][1] + 20) > 5, rows
assert abs(rows["GBM", "binary"][1] - 9) < 0.2 and abs(rows["GBM", "one_hot_explicit"][1] - 2) < 0.2, rows
EOF
