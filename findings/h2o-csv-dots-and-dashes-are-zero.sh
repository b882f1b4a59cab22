#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. A CSV column has ten numbers and one cell with a mark for "no value":
# NA, an empty cell, ?, *, --, n/a, and then a single dot (as SAS writes it), a single dash (as statistical
# offices and spreadsheets do), a plus.
#
# Expected: all of them missing. The column is numeric by its other cells, and what is no number in it becomes
# missing in H2O-3.
#
# What happens: NA, ?, *, -- and n/a are missing, but ".", "-", "+" and "-." are 0, in quotes as well: a sign or
# a point with no digit after it is taken for a number that has not begun. Nothing is warned of, the count of
# missing values is 0, and na_strings=[".", "-"] changes nothing.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11
#   'NA'   column int, cell nan
#   ''     column int, cell nan
#   '?'    column int, cell nan
#   '*'    column int, cell nan
#   '--'   column int, cell nan
#   'n/a'  column int, cell nan
#   '.'    column int, cell 0
#   '-'    column int, cell 0
#   '+'    column int, cell 0
#   '-.'   column int, cell 0
#   '"."'  column int, cell 0
#   '"-"'  column int, cell 0
#   with na_strings: {'.': 0, '-': 0}
#
# Why it matters: exports of SAS, of statistical offices and of accounting are full of these two marks, and each
# of them pulls means, sums and splits towards 0 - the more so for prices, ages and years. Naming them as
# missing does not help; clean the file, or import the column as string and convert it.

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

h2o.connect(url=os.environ["H2O_URL"], verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version)


def last(mark, **how):
    with open("marks.csv", "w") as out:
        out.write("price,row\n" + "".join(f"{price},1\n" for price in range(5, 15)) + f"{mark},2\n")
    frame = h2o.import_file(os.path.abspath("marks.csv"), **how)
    return frame.types["price"], frame.as_data_frame(use_multi_thread=False)["price"].tolist()[-1]


seen = {}
for mark in ("NA", "", "?", "*", "--", "n/a", ".", "-", "+", "-.", '"."', '"-"'):
    seen[mark] = last(mark)
    print(f"{mark!r:6} column {seen[mark][0]}, cell {seen[mark][1]}")
told = {mark: last(mark, na_strings=[".", "-"])[1] for mark in (".", "-")}
print("with na_strings:", told)

assert all(kind == "int" for kind, _ in seen.values()), seen
assert all(value != value for value in (seen[m][1] for m in ("NA", "", "?", "*", "--", "n/a"))), seen
assert all(seen[m][1] == 0 for m in (".", "-", "+", "-.", '"."', '"-"')), seen
assert told == {".": 0, "-": 0}, told
EOF
