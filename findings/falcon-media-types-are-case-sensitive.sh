#!/usr/bin/env bash
#
# Falcon 4.4.0, its own test client. A JSON body is posted with the media type spelled application/json,
# Application/JSON, APPLICATION/JSON, and as application/vnd.h2o+json.
#
# Expected: the first three alike, since type and subtype of a media type do not depend on case (RFC 9110,
# section 8.3.1), and Falcon does read header names and the charset parameter without regard to case.
#
# What happens: only the spelling in small letters finds the JSON handler; the others are answered with 415
# Unsupported Media Type, as is the +json suffix. A request without any Content-Type, on the other hand, is read
# as JSON.
#
# Seen:
#   falcon 4.4.0
#   application/json 200 {"a": 1}
#   application/json; CHARSET=UTF-8 200 {"a": 1}
#   Application/JSON 415 {"title": "415 Unsupported Media Type", "description": "Application/JSON is an unsupported media type."}
#   APPLICATION/JSON 415 {"title": "415 Unsupported Media Type", "description": "APPLICATION/JSON is an unsupported media type."}
#   application/vnd.h2o+json 415 {"title": "415 Unsupported Media Type", "description": "application/vnd.h2o+json is an unsupported media type."}
#   None 200 {"a": 1}
#
# Why it matters: some HTTP stacks of C and Java send capitals, and work against every server but this one; the
# answer then names a type that is plainly supported. Lower the header in a middleware, or install a handler
# mapping that does.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    falcon==4.4.0

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import falcon
import falcon.testing

print("falcon", falcon.__version__)


class Echo:
    def on_post(self, req, resp):
        resp.media = req.get_media()


app = falcon.App()
app.add_route("/echo", Echo())
client = falcon.testing.TestClient(app)
seen = {}
for kind in ("application/json", "application/json; CHARSET=UTF-8", "Application/JSON", "APPLICATION/JSON", "application/vnd.h2o+json", None):
    reply = client.simulate_post("/echo", headers={"content-type": kind} if kind else {}, body='{"a": 1}')
    seen[kind] = reply.status_code
    print(kind, reply.status_code, reply.text)

assert seen["application/json"] == seen["application/json; CHARSET=UTF-8"] == seen[None] == 200, seen
assert seen["Application/JSON"] == seen["APPLICATION/JSON"] == seen["application/vnd.h2o+json"] == 415, seen
EOF
