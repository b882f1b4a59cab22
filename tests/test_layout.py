"""The shape of the repository: namespaces, light declarations, one version, nothing heavy at boot."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = [*ROOT.glob("*/pyproject.toml"), *(ROOT / "extensions").glob("*/pyproject.toml")]
HEAVY = {"dns", "numba", "pyarrow", "pandas", "scipy", "boto3", "botocore", "xgboost", "sklearn", "h2o"}


def test_namespace_packages_have_no_init() -> None:
    found = [str(p.relative_to(ROOT)) for d in ("h2ok", "h2ok/ext") for p in ROOT.glob(f"**/src/{d}/__init__.py")]
    assert found == [], "an __init__.py here hides every other distribution of the namespace"


def test_all_parts_have_the_version_of_the_whole() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for part in PARTS:
        project = tomllib.loads(part.read_text())["project"]
        assert project["version"] == version, part
        own = [d for d in project["dependencies"] if d.startswith("h2ok-")]
        assert all(d.endswith(f"=={version}") for d in own), part


def test_every_part_is_installed_by_the_whole_or_an_extra() -> None:
    hook = (ROOT / "hatch_build.py").read_text()
    for part in PARTS:
        assert f'"{part.parent.relative_to(ROOT)}"' in hook, f"{part.parent.name} is in no dependency list of hatch_build.py"


@pytest.mark.parametrize("code", ["import h2ok.kernel", "from h2ok.capabilities import Registry; Registry.discover()"])
def test_nothing_heavy_is_imported_by_declaring(code: str) -> None:
    loaded = imported_after(code)
    assert not loaded & HEAVY


def test_nothing_heavy_is_imported_by_a_boot_and_a_cloud_request() -> None:
    code = """
from h2ok.capabilities.testing import Client, local_runtime
with local_runtime() as runtime:
    client = Client.of(runtime)
    assert client.get("/3/Cloud")["cloud_healthy"]
    assert client.get("/3/Capabilities")["capabilities"]
"""
    assert not imported_after(code) & HEAVY


def imported_after(code: str) -> set[str]:
    """Top-level modules loaded by ``code`` in a fresh interpreter."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_modules_of_capabilities_import_each_other_in_one_direction() -> None:
    """No circle, not even of imports for type checking: each module can be read after those it names."""
    source = ROOT / "capabilities" / "src"
    files = {".".join(f.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): f for f in source.rglob("*.py")}
    graph = {name: imported_modules(f, set(files)) - {name} for name, f in files.items()}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as e:
        pytest.fail(f"These modules import each other: {' -> '.join(e.args[1])}")


def imported_modules(file: Path, known: set[str]) -> set[str]:
    """Modules among ``known`` that a file names outside of its functions."""
    found = set()
    todo: list[ast.stmt] = list(ast.parse(file.read_text()).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If | ast.Try):
            todo += node.body + node.orelse
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {m for a in node.names for m in (f"{node.module}.{a.name}", node.module) if m in known}
    return found
