#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. group_by("g").count(na="rm") beside sum("x", na="rm") and mean("x",
# na="rm"), on a frame where x is missing in a row of group a, and two rows have no group.
#
# Expected: the number of rows whose x was used (1 of 2 in group a, 2 for the missing group), so that sum /
# count is the mean; or the number of all rows.
#
# What happens: count takes the first column of the frame for the one to look at, whatever is grouped or summed
# up. Where that is the group itself, the missing group has a sum, a mean and a count of 0, and the row with the
# missing x counts. Put another column first and the counts are those of that column.
#
# Seen:
#   Warning: Your H2O cluster version is (6 months and 9 days) old.  There may be a newer version available.
#   Please download and install the latest version from: https://h2o-release.s3.amazonaws.com/h2o/latest_stable.html
#   h2o 3.46.0.11 server 3.46.0.11
#   columns ['g', 'x', 'w']
#      group nan  count 0, sum 10, mean 5
#      group a    count 2, sum 1, mean 1
#      group b    count 1, sum 3, mean 3
#   columns ['w', 'g', 'x']
#      group nan  count 2, sum 10, mean 5
#      group a    count 1, sum 1, mean 1
#      group b    count 0, sum 3, mean 3
#   Closing connection _sid_ade9 at exit
#
# Why it matters: shares and weighted means that are made of count and sum divide by zero for the missing group,
# and a change in the order of columns, which no one expects to matter, changes all counts. Use na="all" for
# rows, and sum a column of ones for used values.

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
import pandas as pd

h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version)

with open("rows.csv", "w") as out:
    out.write("g,x,w\na,1,\na,,2\nb,3,\n,4,4\n,6,5\n")
frame = h2o.import_file(os.path.abspath("rows.csv"), col_types={"g": "enum"})
seen = {}
for order in (["g", "x", "w"], ["w", "g", "x"]):
    table = frame[order].group_by("g").count(na="rm").sum("x", na="rm").mean("x", na="rm").get_frame()
    back = table.as_data_frame(use_multi_thread=False).astype(object)
    seen[order[0]] = {str(row.g): [row.nrow, row.sum_x, row.mean_x] for row in back.itertuples()}
    print("columns", order)
    for group, (count, total, mean) in seen[order[0]].items():
        print(f"   group {group:4} count {count}, sum {total}, mean {mean}")

assert seen["g"] == {"nan": [0, 10, 5], "a": [2, 1, 1], "b": [1, 3, 3]}, seen
assert seen["w"] == {"nan": [2, 10, 5], "a": [1, 1, 1], "b": [0, 3, 3]}, seen
EOF
