#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. GLM with lambda_search and two values of alpha. The largest useful
# lambda depends on alpha (it is a maximum over the gradients divided by alpha), so each alpha needs a path of
# its own, which is what a search with that alpha alone uses.
#
# Expected: for alpha = [1, 0.1] and [0.1, 1] the same ten fits, each alpha with the path it has alone.
#
# What happens: the path is made once, for the alpha that is named first, and used for all. With [0.1, 1] the
# search starts at a lambda ten times too large for alpha 1, so the first fit of that alpha (or more) is empty;
# with [1, 0.1] the path of alpha 0.1 begins in the middle, far below where it should. The same set of values in
# another order therefore fits, and may choose, other models.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11
#   alpha [1.0] largest lambda for each: {1.0: 0.9555}
#   alpha [0.1] largest lambda for each: {0.1: 9.5546}
#   alpha [1.0, 0.1] largest lambda for each: {1.0: 0.9555, 0.1: 0.9555}
#   alpha [0.1, 1.0] largest lambda for each: {0.1: 9.5546, 1.0: 9.5546}
#
# Why it matters: alpha lists come from sets, sliders and grids in any order. Sort them with the smallest non-
# zero value first, or run one search per alpha, if results are to be compared with glmnet or with one another.

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
from h2o.estimators import H2OGeneralizedLinearEstimator

h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version)

rng = np.random.default_rng(1)
x = rng.normal(size=(200, 3))
table = pd.DataFrame(x, columns=["x0", "x1", "x2"]).assign(y=x @ [1, 0.5, 0] + rng.normal(size=200))
frame = h2o.H2OFrame(table)


def largest(alpha):
    model = H2OGeneralizedLinearEstimator(alpha=alpha, lambda_search=True, nlambdas=5, solver="coordinate_descent")
    model.train(y="y", training_frame=frame)
    path = H2OGeneralizedLinearEstimator.getGLMRegularizationPath(model)
    top = {}
    for a, value in zip(path["alphas"], path["lambdas"]):
        top[a] = round(max(value, top.get(a, 0)), 4)
    print("alpha", alpha, "largest lambda for each:", top)
    return top


alone = {**largest([1.0]), **largest([0.1])}
down, up = largest([1.0, 0.1]), largest([0.1, 1.0])

assert abs(alone[0.1] / alone[1.0] - 10) < 0.01, alone
assert down == {1.0: alone[1.0], 0.1: alone[1.0]}, down
assert up == {0.1: alone[0.1], 1.0: alone[0.1]}, up
EOF
