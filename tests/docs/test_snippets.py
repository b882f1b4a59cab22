"""Every snippet of the documentation runs: Python blocks of a page one after the other, console blocks line by line."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from h2ok.capabilities.testing.server import ServerProcess

ROOT = Path(__file__).parent.parent.parent
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Commands that do not end by themselves, install things or need a cluster; each is run by another test.
_ELSEWHERE = ("h2ok start", "h2ok stop", "h2ok demo", "python3", "pip", ".venv", "kubectl", ".ci/run", "benchmarks/")


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in _BLOCK.findall(page.read_text()) if kind == language]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("server")
    server = ServerProcess(folder / "ice", folder=folder)
    yield server
    assert server.stop() == 0


@pytest.mark.parametrize("page", [p for p in PAGES if "Contract):" in p.read_text()], ids=lambda p: p.name)
def test_pages_of_extensions_run_with_the_checks_they_inherit(page: Path, tmp_path: Path) -> None:
    (tmp_path / "test_page.py").write_text("\n".join(blocks(page, "python")))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_page.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize(
    "page", [p for p in PAGES if blocks(p, "python") and "Contract):" not in p.read_text()], ids=lambda p: p.name
)
def test_python_blocks_run(page: Path, server: ServerProcess, tmp_path: Path) -> None:
    code = "\n".join(blocks(page, "python")).replace("http://127.0.0.1:54321", server.url)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-3000:]


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "console")], ids=lambda p: p.name)
def test_console_blocks_run(page: Path, server: ServerProcess, tmp_path: Path) -> None:
    for line in "".join(blocks(page, "console")).splitlines():
        command = line.removeprefix("$ ")
        if line.startswith("$ ") and not command.startswith(_ELSEWHERE):
            words = shlex.split(command.replace("http://127.0.0.1:54321", server.url))
            if words[0] == "python":
                words[0] = sys.executable
            if words[0] == "h2ok":
                words[:1] = [sys.executable, "-m", "h2ok.capabilities.cli"]
            done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"


def test_the_compatibility_page_is_what_the_installed_extensions_give() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "make_compatibility.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
