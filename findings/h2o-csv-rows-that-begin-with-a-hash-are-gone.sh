#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. A CSV file has a first column of tags or colours, some of which begin
# with # (hash tags, #ff0000, apartment numbers); a second file is what numpy.savetxt 2.4.6 writes with
# header="x,y".
#
# Expected: CSV knows no comments, so all rows arrive; pandas, polars and DuckDB read them.
#
# What happens: every line that begins with # is left out, in the middle of the data as well, and the frame is
# simply shorter. Quotes around the cell keep the row. Of the savetxt file the header is lost and the columns
# are C1 and C2. custom_non_data_line_markers="" turns it off.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11 pandas 3.1.1 numpy 2.4.6
#   first.csv  H2O keeps rows [1, 3, 5], with markers off 5 rows, pandas 5 rows
#   second.csv H2O keeps rows [1, 2, 3, 4, 5], with markers off 5 rows, pandas 5 rows
#   savetxt.csv columns ['C1', 'C2'] rows 2
#
# Why it matters: a share of the rows, and one chosen by the data, is missing from training and from scoring
# (where predictions no longer line up with the rows sent). Moving the column to the second place brings the
# rows back.

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
print("h2o", h2o.__version__, "server", h2o.cluster().version, "pandas", pd.__version__, "numpy", np.__version__)

files = {
    "first.csv": "tag,n\nred,1\n#blue,2\n\"#green\",3\n#white,4\ngrey,5\n",
    "second.csv": "n,tag\n1,red\n2,#blue\n3,\"#green\"\n4,#white\n5,grey\n",
}
for name, text in files.items():
    with open(name, "w") as out:
        out.write(text)
np.savetxt("savetxt.csv", [[1, 2], [3, 4]], fmt="%g", delimiter=",", header="x,y")

seen = {}
for name in files:
    path = os.path.abspath(name)
    kept = h2o.import_file(path)["n"].as_data_frame(use_multi_thread=False)["n"].tolist()
    off = h2o.import_file(path, custom_non_data_line_markers="").nrow
    seen[name] = kept, off, len(pd.read_csv(name))
    print(f"{name:10} H2O keeps rows {kept}, with markers off {off} rows, pandas {seen[name][2]} rows")
frame = h2o.import_file(os.path.abspath("savetxt.csv"))
print("savetxt.csv columns", frame.names, "rows", frame.nrow)

assert seen["first.csv"] == ([1, 3, 5], 5, 5), seen
assert seen["second.csv"] == ([1, 2, 3, 4, 5], 5, 5), seen
assert frame.names == ["C1", "C2"] and frame.nrow == 2, frame.names
EOF
