#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. CSV columns of amounts and shares written as $5, 5$, €5, 5% and, in
# quotes, "$5" and "5%"; one more has a refund as -$2 and another as $-2.
#
# Expected: all of them texts, as in pandas, polars, DuckDB and pyarrow, and quotes without influence as in all
# other columns.
#
# What happens: a $ in front of a number is thrown away and a % behind it divides by 100, so $5 is 5 and 5% is
# 0.05, mixed with plain numbers as well. 5$ and €5 stay text. Quotes change the percent alone: "5%" is text,
# "$5" still 5. A minus may follow the dollar ($-2 is -2) but not precede it: -$2, the usual way to write it, is
# missing.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11
#   bare   dollar   ['$5', '$6', '$7', '$8.5'] -> number [5.0, 6.0, 7.0, 8.5]
#   bare   behind   ['5$', '6$', '7$', '8.5$'] -> text ['5$', '6$', '7$', '8.5$']
#   bare   euro     ['€5', '€6', '€7', '€8.5'] -> text ['€5', '€6', '€7', '€8.5']
#   bare   percent  ['5%', '6%', '7%', '8.5%'] -> number [0.05, 0.06, 0.07, 0.085]
#   bare   mixed    ['$5', '6%', '7', '8.5'] -> number [5.0, 0.06, 7.0, 8.5]
#   bare   refunds  ['$5', '-$2', '$-2', '$6'] -> number [5.0, nan, -2.0, 6.0]
#   quoted dollar   ['$5', '$6', '$7', '$8.5'] -> number [5.0, 6.0, 7.0, 8.5]
#   quoted behind   ['5$', '6$', '7$', '8.5$'] -> text ['5$', '6$', '7$', '8.5$']
#   quoted euro     ['€5', '€6', '€7', '€8.5'] -> text ['€5', '€6', '€7', '€8.5']
#   quoted percent  ['5%', '6%', '7%', '8.5%'] -> text ['5%', '6%', '7%', '8.5%']
#   quoted mixed    ['$5', '6%', '7', '8.5'] -> number [5.0, nan, 7.0, 8.5]
#   quoted refunds  ['$5', '-$2', '$-2', '$6'] -> number [5.0, nan, -2.0, 6.0]
#
# Why it matters: two exports of one table, one of which quotes every cell, give a share as number or as text;
# amounts in dollars are numbers and those in euros are not; and just the refunds disappear, so that sums and
# means are too high. Clean such columns before the import.

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
import csv
import os

import h2o
import pandas as pd

h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version)

columns = {
    "dollar": ["$5", "$6", "$7", "$8.5"],
    "behind": ["5$", "6$", "7$", "8.5$"],
    "euro": ["€5", "€6", "€7", "€8.5"],
    "percent": ["5%", "6%", "7%", "8.5%"],
    "mixed": ["$5", "6%", "7", "8.5"],
    "refunds": ["$5", "-$2", "$-2", "$6"],
}
seen = {}
for label, quoting in (("bare", csv.QUOTE_MINIMAL), ("quoted", csv.QUOTE_ALL)):
    pd.DataFrame(columns).to_csv(f"{label}.csv", index=False, quoting=quoting)
    frame = h2o.import_file(os.path.abspath(f"{label}.csv"), header=1)
    back = frame.as_data_frame(use_multi_thread=False)
    for name in columns:
        kind = "text" if frame.types[name] in ("enum", "string") else "number"
        seen[label, name] = kind, [round(v, 3) if kind == "number" else v for v in back[name]]
        print(f"{label:6} {name:8} {columns[name]} -> {kind} {seen[label, name][1]}")

for label in ("bare", "quoted"):
    assert seen[label, "dollar"] == ("number", [5, 6, 7, 8.5]), seen
    assert seen[label, "behind"][0] == seen[label, "euro"][0] == "text", seen
    refunds = seen[label, "refunds"][1]
    assert refunds[0::2] == [5, -2] and refunds[1] != refunds[1], seen
assert seen["bare", "percent"] == ("number", [0.05, 0.06, 0.07, 0.085]), seen
assert seen["bare", "mixed"] == ("number", [5, 0.06, 7, 8.5]), seen
assert seen["quoted", "percent"] == ("text", ["5%", "6%", "7%", "8.5%"]), seen
EOF
