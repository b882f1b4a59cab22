#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. A grid search under one grid_id runs three values of min_rows, of
# which the second is refused (more rows than the frame has); then a second search adds two values under the
# same grid_id, which is how a grid is extended.
#
# Expected: four models, one per value that worked, and the failure still on record.
#
# What happens: models are named by a count. The failed combination used number 2, so the first search leaves
# model_1 and model_3; the second search starts counting at (number of models + 1) = 3, builds another model_3
# over the finished one, and then model_4. The model of min_rows=2 is gone, the grid lists model_3 twice, and
# the failure of the first search is no longer told.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11
#   first search  lists ['trees_model_1', 'trees_model_3']
#      min_rows of each: {'trees_model_1': 1.0, 'trees_model_3': 2.0} failures told: 1
#   second search lists ['trees_model_1', 'trees_model_3', 'trees_model_3', 'trees_model_4']
#      min_rows of each: {'trees_model_1': 1.0, 'trees_model_3': 3.0, 'trees_model_4': 4.0} failures told: 0
#
# Why it matters: a search that is extended after a partial failure loses a trained model without a word, and a
# table made from the grid counts another one twice. Give each search a grid_id of its own, or compare
# len(set(model_ids)) with what was asked for.

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
import contextlib
import io
import os

import h2o
import numpy as np
import pandas as pd
from h2o.estimators import H2OGradientBoostingEstimator
from h2o.grid import H2OGridSearch

h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version)

rng = np.random.default_rng(1)
frame = h2o.H2OFrame(pd.DataFrame({"x": rng.normal(size=300), "y": rng.normal(size=300)}))


def search(values):
    grid = H2OGridSearch(H2OGradientBoostingEstimator(ntrees=2, seed=1), {"min_rows": values}, grid_id="trees")
    grid.train(x=["x"], y="y", training_frame=frame)
    return h2o.api("GET /99/Grids/trees")


def told(state):
    names = [model["name"] for model in state["model_ids"]]
    return {name: h2o.get_model(name).actual_params["min_rows"] for name in names}, names, len(state["failure_details"])


with contextlib.redirect_stdout(io.StringIO()):
    first = told(search([1, 10_000, 2]))
    second = told(search([3, 4]))
for label, (models, names, failures) in (("first search ", first), ("second search", second)):
    print(label, "lists", names)
    print("   min_rows of each:", models, "failures told:", failures)

assert first == ({"trees_model_1": 1.0, "trees_model_3": 2.0}, ["trees_model_1", "trees_model_3"], 1), first
assert second[1].count("trees_model_3") == 2, second
assert 2.0 not in second[0].values() and second[0]["trees_model_3"] == 3.0, second
assert second[2] == 0, second
EOF
