"""Records what H2O answers to questions about itself: status, kind and shape of each answer.

    python tests/golden/introspection/record.py http://127.0.0.1:54321 1      # of a cloud of one
    python tests/golden/introspection/record.py http://127.0.0.1:54321 3      # of three

Shapes hold names and types, no values. ``shapes.json`` was recorded from H2O-3 3.46.0.11: {"1": ..., "3": ...}.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

#: Method, path, fields.
CALLS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("GET", "/3/Cloud", {}),
    ("GET", "/3/Cloud", {"skip_ticks": "true"}),
    ("HEAD", "/3/Cloud", {}),
    ("GET", "/3/Ping", {}),
    ("GET", "/3/Timeline", {}),
    ("GET", "/3/Profiler", {}),
    ("GET", "/3/Profiler", {"depth": "3"}),
    ("GET", "/3/Profiler", {"depth": "0"}),
    ("GET", "/3/JStack", {}),
    ("GET", "/3/NetworkTest", {}),
    ("GET", "/3/WaterMeterCpuTicks/0", {}),
    ("GET", "/3/WaterMeterCpuTicks/9", {}),
    ("GET", "/3/WaterMeterCpuTicks/x", {}),
    ("GET", "/3/WaterMeterIo", {}),
    ("GET", "/3/WaterMeterIo/0", {}),
    ("GET", "/3/WaterMeterIo/9", {}),
    *(
        ("GET", f"/3/Logs/nodes/self/files/{name}", {})
        for name in ("default", "trace", "debug", "info", "warn", "error", "fatal", "httpd", "stdout", "stderr", "nosuch")
    ),
    ("GET", "/3/Logs/nodes/0/files/info", {}),
    ("GET", "/3/Logs/nodes/-1/files/info", {}),
    ("GET", "/3/Logs/nodes/9/files/info", {}),
    ("GET", "/3/Logs/nodes/x/files/info", {}),
    ("GET", "/3/Logs/download", {}),
    ("GET", "/3/Logs/download/ZIP", {}),
    ("GET", "/3/Logs/download/LOG", {}),
    ("GET", "/3/Logs/download/nosuch", {}),
    ("GET", "/3/KillMinus3", {}),
    ("POST", "/3/GarbageCollect", {}),
    ("GET", "/3/GarbageCollect", {}),
    ("POST", "/3/UnlockKeys", {}),
    ("POST", "/3/LogAndEcho", {"message": "hello there"}),
    ("POST", "/3/LogAndEcho", {}),
    ("GET", "/3/About", {}),
    ("POST", "/3/CloudLock", {"reason": "because"}),
)


def shape(value: Any) -> Any:
    """Names and types of a JSON value; a list is told by its first element."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items() if k != "__meta"} | _schema(value)
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if value in ("NaN", "Infinity", "-Infinity"):
        return "float"
    return "null" if value is None else type(value).__name__


def _schema(value: dict[str, Any]) -> dict[str, str]:
    return {"__meta": value["__meta"]["schema_name"]} if "__meta" in value else {}


def answer_shape(status: int, kind: str, body: bytes) -> dict[str, Any]:
    """What is compared of one answer; of an error the status alone."""
    found: dict[str, Any] = {"status": status}
    if status == 200:
        found["type"] = kind.partition(";")[0]
        if found["type"] == "application/json" and body:
            found["shape"] = shape(json.loads(body))
    return found


def name_of(method: str, path: str, fields: dict[str, str]) -> str:
    return f"{method} {path}" + (f" {urllib.parse.urlencode(fields)}" if fields else "")


def ask(url: str, method: str, path: str, fields: dict[str, str]) -> dict[str, Any]:
    text = urllib.parse.urlencode(fields)
    data = text.encode() if method == "POST" else None
    target = url + path + (f"?{text}" if text and data is None else "")
    request = urllib.request.Request(target, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer_shape(answer.status, answer.headers.get("Content-Type") or "", answer.read())
    except urllib.error.HTTPError as e:
        with e:
            return answer_shape(e.code, "", e.read())
    except TimeoutError:  # the timeline of three nodes of H2O, at times
        return {"status": "none in 20 s"}


def main(url: str, nodes: str) -> None:
    rows = [f"{json.dumps(name_of(*call))}: {json.dumps(ask(url, *call))}" for call in CALLS]
    print(json.dumps(nodes) + ": {\n" + ",\n".join(rows) + "\n}")


if __name__ == "__main__":
    main(*sys.argv[1:])
