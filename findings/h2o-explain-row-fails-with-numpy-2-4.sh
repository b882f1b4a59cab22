#!/usr/bin/env bash
#
# H2O's Python client 3.46.0.11 with numpy 2.3.5 and 2.4.6, on H2O-3 3.46.0.11, Java 17. explain_row of a tree model with
# numbers as its only predictors.
#
# Expected: the plot of the row's contributions with either numpy; explain_row of the same model draws with 2.3.5.
#
# What happens: the client turns an array of one number, the row's sum, into a float. numpy warned about that since
# 1.25 and refuses it from 2.4 on, so explain_row and shap_explain_row_plot end in a TypeError of a client release
# whose other explanations draw. Linear models are spared, since they have no such plot.
#
# Seen:
#   h2o 3.46.0.11 numpy 2.3.5 explain_row draws shap_explain_row and ice
#   h2o 3.46.0.11 numpy 2.4.6 explain_row TypeError: only 0-dimensional arrays can be converted to Python scalars
#
# Why it matters: pip installs the newest numpy beside the client, and nothing a server answers can help: the request
# for the contributions has been answered by then.

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
    h2o==3.46.0.11 numpy==2.3.5 pandas==3.1.1 matplotlib==3.11.2

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
cat >explain.py <<'EOF'
import os

import h2o
import matplotlib
import numpy as np
import pandas as pd
from h2o.estimators import H2OGradientBoostingEstimator

matplotlib.use("Agg")
h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
rng = np.random.default_rng(1)
x = rng.normal(size=(200, 2))
frame = h2o.H2OFrame(pd.DataFrame(x, columns=["x0", "x1"]).assign(y=x @ [1, 0.5]))
model = H2OGradientBoostingEstimator(ntrees=5, seed=1)
model.train(y="y", training_frame=frame)
try:
    seen = "draws " + " and ".join(h2o.explain_row(model, frame, 0, render=False))
except TypeError as error:
    seen = f"{type(error).__name__}: {error}"
print("h2o", h2o.__version__, "numpy", np.__version__, "explain_row", seen)
EOF
export H2O_URL="http://127.0.0.1:$port"
old=$("$python" -W ignore explain.py | grep explain_row)
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6
new=$("$python" -W ignore explain.py | grep explain_row)
printf '%s\n' "$old" "$new"
[[ $old == *"draws shap_explain_row and ice"* ]]
[[ $new == *"TypeError: only 0-dimensional arrays"* ]]
