#!/usr/bin/env bash
#
# H2O-3 and its client 3.46.0.11, Java 17, the form sent by requests 2.34.2. A file is uploaded to POST
# /3/PostFile as multipart/form-data, once alone and once behind a plain form field (a note), as any HTML form
# or HTTP library sends it when a form has both.
#
# Expected: the part that has a file name is stored, or the form is refused.
#
# What happens: the first part is stored whatever it is. With the field in front, the answer is 200, total_bytes
# is the length of the field, and the frame parsed from the key holds the text of the note; the file is never
# read. The order of the parts alone decides.
#
# Seen:
#   h2o 3.46.0.11 server 3.46.0.11 requests 2.34.2
#   alone      status 200, total_bytes 12, columns ['a', 'b']
#   file_first status 200, total_bytes 12, columns ['a', 'b']
#   note_first status 200, total_bytes 18, columns ['C1', 'C2']
#
# Why it matters: a gateway or a client that puts a token or a comment before the file uploads that instead of
# the data, and nothing fails. A server that means to be compatible has to choose whether to keep this; a client
# must send the file first.

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
    h2o==3.46.0.11 requests==2.34.2 numpy==2.4.6 pandas==3.1.1

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
import requests

url = os.environ["H2O_URL"]
h2o.connect(url=url, verbose=False)
h2o.no_progress()
print("h2o", h2o.__version__, "server", h2o.cluster().version, "requests", requests.__version__)

note = ("note", (None, "remark,by\nnone,me\n"))
file = ("file", ("data.csv", "a,b\n3,4\n5,6\n", "text/csv"))
seen = {}
for key, parts in (("alone", [file]), ("file_first", [file, note]), ("note_first", [note, file])):
    reply = requests.post(f"{url}/3/PostFile", params={"destination_frame": key}, files=parts, timeout=60)
    frame = h2o.parse_raw(h2o.parse_setup(key, destination_frame=f"{key}.hex"))
    seen[key] = reply.status_code, reply.json()["total_bytes"], frame.names
    print(f"{key:10} status {reply.status_code}, total_bytes {reply.json()['total_bytes']}, columns {frame.names}")

assert seen["alone"] == seen["file_first"] == (200, 12, ["a", "b"]), seen
assert seen["note_first"][0] == 200 and seen["note_first"][2] != ["a", "b"], seen
EOF
