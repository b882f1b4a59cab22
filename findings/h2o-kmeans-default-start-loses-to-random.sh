#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17; scikit-learn 1.9.1 for comparison. K-means with k=8 on 600 rows of
# two log-normal columns (as incomes, amounts and counts are), 15 seeds for each way to start. H2O-3's default
# is Furthest.
#
# Expected: the careful starts beat random rows: k-means++ at least does in scikit-learn, and trying other seeds
# helps.
#
# What happens: Furthest takes the extreme rows as centres, stays there and ends with the very same sum of
# squares for all 15 seeds, some 70 % above the typical random start. PlusPlus of H2O-3 is worse than Random in
# the middle as well, other than scikit-learn's k-means++ on the same standardised rows, where it is the better
# one.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11 scikit-learn 1.9.1
#   H2O-3        Random    within: median   99.2, best   99.2, worst  105.3
#   H2O-3        PlusPlus  within: median  119.7, best   93.1, worst  153.4
#   H2O-3        Furthest  within: median  168.5, best  168.5, worst  168.5
#   scikit-learn random    within: median  105.3, best   99.2, worst  105.3
#   scikit-learn k-means++ within: median   97.2, best   93.1, worst  108.3
#
# Why it matters: k-means with defaults on amounts yields a few clusters of one or two outliers and one for the
# rest, and repeating it with other seeds, the usual remedy, changes nothing. Use Random with several seeds, or
# take logarithms first.

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
    h2o==3.46.0.11 numpy==2.4.6 pandas==3.1.1 scikit-learn==1.9.1

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
import sklearn
from h2o.estimators import H2OKMeansEstimator
from sklearn.cluster import KMeans

h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version, "scikit-learn", sklearn.__version__)

rows = np.random.default_rng(0).lognormal(0, 1.5, size=(600, 2))
frame = h2o.H2OFrame(pd.DataFrame(rows, columns=["a", "b"]))
scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0, ddof=1)
seen = {}
for init in ("Random", "PlusPlus", "Furthest"):
    values = []
    for seed in range(1, 16):
        model = H2OKMeansEstimator(k=8, init=init, seed=seed, max_iterations=100)
        model.train(training_frame=frame)
        values.append(model.tot_withinss())
    seen[init] = values
for init in ("random", "k-means++"):
    seen[init] = [KMeans(8, init=init, n_init=1, random_state=seed).fit(scaled).inertia_ for seed in range(1, 16)]
for init, values in seen.items():
    print(f"{'H2O-3' if init[0].isupper() else 'scikit-learn':12} {init:9} within: median {np.median(values):6.1f}, best {min(values):6.1f}, worst {max(values):6.1f}")

middle = {init: np.median(values) for init, values in seen.items()}
assert max(seen["Furthest"]) - min(seen["Furthest"]) < 0.1, seen
assert middle["Furthest"] > 1.5 * middle["Random"], middle
assert middle["PlusPlus"] > 1.1 * middle["Random"], middle
assert middle["k-means++"] < middle["random"], middle
EOF
