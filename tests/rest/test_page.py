"""The status page's script, with a document of a few lines in its browser's place."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.resources import files
from typing import Any

import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.kernel.cloud.cloud import H2ONode, Member

_DOCUMENT = """
class Element {
  constructor(tag) { this.tag = tag; this.children = []; this.text = ""; this.className = ""; }
  get textContent() { return this.text + this.children.map((c) => (c instanceof Element ? c.textContent : c)).join(" "); }
  set textContent(text) { this.text = String(text); this.children = []; }
  append(...more) { this.children.push(...more); }
  appendChild(child) { this.children.push(child); return child; }
  replaceChildren(...children) { this.text = ""; this.children = children; }
  addEventListener() {}
}
globalThis.Node = Element;
const elements = {};
globalThis.document = {
  hidden: true, title: "", createElement: (tag) => new Element(tag), addEventListener() {},
  getElementById: (id) => (elements[id] ??= new Element(id)),
};
globalThis.location = { origin: "http://127.0.0.1:54321" };
globalThis.setTimeout = () => {};
"""


@pytest.fixture(scope="module")
def shown() -> Any:
    """What the page says of an answer of /3/Cloud and one of /3/CloudState, by id."""
    if shutil.which("node") is None:
        pytest.skip("needs node")
    script = files("h2ok.ext.rest").joinpath("pages", "page.js").read_text()

    def run(cloud: Any, state: Any) -> dict[str, str]:
        code = f"{_DOCUMENT}\n{script}\nknown = {json.dumps(state)}; showCloud({json.dumps(cloud)});\n"
        code += "console.log(JSON.stringify(Object.fromEntries(Object.entries(elements).map(([k, e]) => [k, e.textContent]))));"
        done = subprocess.run(["node", "-e", code], capture_output=True, text=True, timeout=30, check=True)
        found: dict[str, str] = json.loads(done.stdout)
        return found

    return run


def answers(runtime: Runtime) -> tuple[Any, Any]:
    web = Client.of(runtime)
    return web.get("/3/Cloud"), web.get("/3/CloudState")


def test_closed_to_new_nodes_is_said_of_a_cloud_that_is(shown: Any) -> None:
    for elastic, said in ((True, "takes new nodes"), (False, "closed to new nodes")):
        with local_runtime(only=("rest",), elastic=elastic) as runtime:
            assert "takes new nodes" in shown(*answers(runtime))["cloud-line"]
            runtime.node.cloud.lock("a write")
            line = shown(*answers(runtime))["cloud-line"]
            assert said in line
            assert line.count("new nodes") == 1


def test_a_lost_node_is_shown_until_it_is_back(shown: Any) -> None:
    with local_runtime(only=("rest",)) as runtime:
        cloud, me = runtime.node.cloud, runtime.node.cloud.me
        other = H2ONode(me.ip, me.port + 2, me.port + 3)
        cloud.set_members((me, other))
        cloud.lock("a write")
        cloud.mark_lost(other, "its process ended")
        cloud.install(cloud.placement.without([other]))
        page = shown(*answers(runtime))
        assert page["health"] == "1 node lost"
        assert f"{other.name} state lost why its process ended since" in page["nodes"]
        cloud.welcome(Member(other, "another life"))
        cloud.install(cloud.placement.with_members([other]))
        page = shown(*answers(runtime))
        assert page["health"] == "healthy"
        assert "lost" not in page["nodes"]


def test_a_node_outside_its_cloud_says_so_and_is_not_ready(shown: Any) -> None:
    with local_runtime(only=("rest",)) as runtime:
        web = Client.of(runtime)
        runtime.node.cloud.mark_outside("Cloud 'c' has been formed, and this node is not in it yet.")
        assert web.get("/ready", 503) == {
            "status": "unavailable",
            "reason": "Cloud 'c' has been formed, and this node is not in it yet.",
        }
        assert web.get("/health") == {"status": "ok"}
        assert web.get("/3/Cloud")["consensus"] is False
        page = shown(*answers(runtime))
        assert page["health"] == "not in its cloud"
        assert page["outside"].startswith("Cloud 'c' has been formed")
        runtime.node.cloud.mark_outside("")
        assert web.get("/ready") == {"status": "ok"}
