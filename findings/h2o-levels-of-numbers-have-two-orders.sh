#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. A column of codes 9, 10, 100 becomes a categorical one in the two
# usual ways: col_types={"c": "enum"} at the import, and asfactor() after it.
#
# Expected: the same levels in the same order; the texts, the rows and the type are the same.
#
# What happens: the parser sorts the levels as text (10, 100, 9), asfactor() by value (9, 10, 100). Level
# numbers, the level a GLM takes as the base, the order of the probability columns of a classifier and the
# positive class of a binomial one (the last level) differ accordingly: with classes 9 and 10, p for "the
# positive class" is that of 9 in one case and of 10 in the other.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11
#   Could not find exact threshold 0.5; using closest threshold found 0.4912928707926994.
#   parsed   levels ['10', '100', '9'], coefficients ['c.100', 'c.9'], columns ['predict', 'p10', 'p9'], of x -2.095, recall at 0.5 0.924
#   Could not find exact threshold 0.5; using closest threshold found 0.5087071292073007.
#   asfactor levels ['9', '10', '100'], coefficients ['c.10', 'c.100'], columns ['predict', 'p9', 'p10'], of x 2.095, recall at 0.5 0.547
#
# Why it matters: a script that moves the conversion from one place to the other gets other coefficients, and
# with labels of unequal length AUC stays while precision, recall, F1 and the threshold are told for the
# opposite class. Convert all frames of a project in one place, and read classes by name.

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
from h2o.estimators import H2OGeneralizedLinearEstimator

h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version)

rng = np.random.default_rng(1)
with open("codes.csv", "w") as out:
    out.write("c,label,x\n")
    for _ in range(300):
        x = rng.normal()
        out.write(f"{rng.choice([9, 10, 100])},{10 if x + rng.normal() > 0.8 else 9},{x}\n")
path = os.path.abspath("codes.csv")
parsed = h2o.import_file(path, col_types={"c": "enum", "label": "enum"})
turned = h2o.import_file(path)
for name in ("c", "label"):
    turned[name] = turned[name].asfactor()

seen = {}
for name, frame in (("parsed", parsed), ("asfactor", turned)):
    model = H2OGeneralizedLinearEstimator(family="binomial", lambda_=0)
    model.train(x=["c", "x"], y="label", training_frame=frame)
    recall = model.recall(thresholds=[0.5])[0][1]
    seen[name] = frame["c"].levels()[0], [n for n in model.coef() if n.startswith("c.")], model.predict(frame).names, round(model.coef()["x"], 3), round(recall, 3)
    print(f"{name:8} levels {seen[name][0]}, coefficients {seen[name][1]}, columns {seen[name][2]}, of x {seen[name][3]}, recall at 0.5 {seen[name][4]}")

assert seen["parsed"][0] == ["10", "100", "9"] and seen["asfactor"][0] == ["9", "10", "100"], seen
assert seen["parsed"][1] == ["c.100", "c.9"] and seen["asfactor"][1] == ["c.10", "c.100"], seen
assert seen["parsed"][2] == ["predict", "p10", "p9"] and seen["asfactor"][2] == ["predict", "p9", "p10"], seen
assert abs(seen["parsed"][3] + seen["asfactor"][3]) < 0.01, seen
assert abs(seen["parsed"][4] - seen["asfactor"][4]) > 0.1, seen
EOF
