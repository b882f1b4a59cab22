"""Nodes whose extensions differ do not form a cloud, and say what differs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from h2ok.capabilities.testing.server import free_ports


@pytest.mark.engine
def test_a_node_with_other_extensions_is_refused_with_the_difference(tmp_path: Path) -> None:
    port = free_ports(6)
    flatfile = tmp_path / "flatfile.txt"
    flatfile.write_text(f"127.0.0.1:{port}\n127.0.0.1:{port + 2}\n")
    nodes = []
    for i, more in enumerate(([], ["--no-ext", "rapids"])):
        command = [sys.executable, "-m", "h2ok.capabilities.cli", "start", "--name", f"unlike-{port}", "--port", str(port + 2 * i)]
        command += ["--flatfile", str(flatfile), "--ice-root", str(tmp_path / str(i)), *more]
        nodes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    try:
        told, _ = nodes[1].communicate(timeout=60)
        assert nodes[1].returncode == 255
        assert "its extensions differ: it lacks rapids==0.1.0" in told
        assert "Install the same extensions on all nodes" in told
    finally:
        for node in nodes:
            if node.poll() is None:
                node.terminate()
            node.communicate(timeout=20)
