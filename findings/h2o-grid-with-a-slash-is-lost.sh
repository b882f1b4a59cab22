#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. A grid search gets a grid_id with a slash, as "team/run1".
#
# Expected: the same as for a model_id, which the client warns about and changes (a slash becomes "_"), or an
# error before anything is trained.
#
# What happens: the search runs to its end, the models are trained and kept, GET /99/Grids lists the grid - and
# the client's train() ends in H2OResponseError, since the address of the grid is not found, neither with the
# slash nor with %2F. The models are reachable one by one, their names (team/run1_model_1) only with effort.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11
#   model_id team/one became team_one
#   train() raised H2OResponseError - Error: Resource /99/Grids/team/run1 not found
#   GET /99/Grids lists ['team/run1']
#   GET /99/Grids/team/run1: 404
#   GET /99/Grids/team%2Frun1: 404
#   models kept ['team/run1_model_1', 'team/run1_model_2', 'team_one']
#
# Why it matters: hours of training end in an error that says the grid does not exist. Ids made of user names,
# branches or dates with slashes are common; check grid_id as you would a path segment.

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
import urllib.error
import urllib.request
import warnings

import h2o
import numpy as np
import pandas as pd
from h2o.estimators import H2OGradientBoostingEstimator
from h2o.exceptions import H2OResponseError
from h2o.grid import H2OGridSearch

warnings.simplefilter("ignore")
url = os.environ["H2O_URL"]
h2o.connect(url=url, verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version)

rng = np.random.default_rng(1)
frame = h2o.H2OFrame(pd.DataFrame({"x": rng.normal(size=200), "y": rng.normal(size=200)}))

model = H2OGradientBoostingEstimator(ntrees=1, model_id="team/one")
model.train(x=["x"], y="y", training_frame=frame)
print("model_id team/one became", model.model_id)

grid = H2OGridSearch(H2OGradientBoostingEstimator(ntrees=1), {"max_depth": [1, 2]}, grid_id="team/run1")
error = None
try:
    grid.train(x=["x"], y="y", training_frame=frame)
except H2OResponseError as problem:
    error = problem
print("train() raised", type(error).__name__, "-", str(error.args[0]).split("\n")[1].strip())

listed = [entry["grid_id"]["name"] for entry in h2o.api("GET /99/Grids")["grids"]]
print("GET /99/Grids lists", listed)
status = []
for path in ("team/run1", "team%2Frun1"):
    try:
        status.append(urllib.request.urlopen(f"{url}/99/Grids/{path}", timeout=30).status)
    except urllib.error.HTTPError as problem:
        status.append(problem.code)
    print(f"GET /99/Grids/{path}: {status[-1]}")
models = sorted(m["model_id"]["name"] for m in h2o.api("GET /3/Models")["models"])
print("models kept", models)

assert model.model_id == "team_one", model.model_id
assert error is not None and listed == ["team/run1"] and status == [404, 404], (error, listed, status)
assert len(models) == 3, models
EOF
