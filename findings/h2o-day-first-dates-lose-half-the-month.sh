#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17. A CSV column holds days of April 2024 as day/month/year: the 1st to
# the 20th in one file, the 11th to the 30th in another.
#
# Expected: one decision for the column. As it has days above 12 it cannot be month/day/year, so it is day
# first, or else no date at all and stays text.
#
# What happens: the lines vote. Of the 1st to the 20th twelve can be read the American way, so the column
# becomes a time by that reading: these twelve have day and month swapped (05/04 is the 4th of May) and the
# other eight are missing. Of the 11th to the 30th only two can, so the column is text. There is no warning in
# either case, and the import takes no pattern.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11 pandas 3.1.1
#   1st to 20th: type time, missing 8, 11/04/2024 is 2024-11-04
#   11th to 30th: type string, missing 0, 11/04/2024 is 11/04/2024
#   as_date of the text, months: [4]
#
# Why it matters: missing dates might be noticed; the twelve that are wrong by months look fine. Import such
# columns as string and convert them with as_date("%d/%m/%Y"), or write ISO dates.

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
print("h2o", h2o.__version__, "server", h2o.cluster().version, "pandas", pd.__version__)

seen = {}
for name, days in (("1st to 20th", range(1, 21)), ("11th to 30th", range(11, 31))):
    with open("days.csv", "w") as out:
        out.write("day,n\n" + "".join(f"{day:02}/04/2024,{day}\n" for day in days))
    frame = h2o.import_file(os.path.abspath("days.csv"))
    times = frame.as_data_frame(use_multi_thread=False).set_index("n")["day"]
    seen[name] = frame.types["day"], times
    eleventh = times[11] if frame.types["day"] != "time" else pd.Timestamp(times[11], unit="ms").date()
    print(f"{name}: type {frame.types['day']}, missing {int(frame['day'].isna().sum())}, 11/04/2024 is {eleventh}")

kind, times = seen["1st to 20th"]
assert kind == "time" and times.isna().sum() == 8, seen
assert all(pd.Timestamp(times[day], unit="ms").month == day for day in range(1, 13)), seen
assert seen["11th to 30th"][0] in ("string", "enum"), seen
text = h2o.import_file(os.path.abspath("days.csv"), col_types={"day": "string"})
right = text["day"].as_date("%d/%m/%Y").month().as_data_frame(use_multi_thread=False).iloc[:, 0]
print("as_date of the text, months:", right.unique().tolist())
assert right.unique().tolist() == [4], right
EOF
