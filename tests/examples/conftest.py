"""A virtual environment on top of this one, to install example packages into and take them away."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities.testing.server import ServerProcess

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


class Environment:
    """Sees everything that is installed here, and what it installs itself."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=True, symlinks=True)
        self.python = folder / "bin" / "python"
        below = [sysconfig.get_path("purelib"), *(p for p in sys.path if p.endswith("site-packages"))]
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        site = subprocess.run([self.python, "-c", where], capture_output=True, text=True, check=True)
        # addsitedir also reads the .pth files of editable installs, which a plain line would not.
        lines = [f"import site; site.addsitedir({p!r})" for p in dict.fromkeys(below)]
        Path(site.stdout.strip(), "below.pth").write_text("\n".join(lines) + "\n")

    def pip(self, *arguments: str) -> None:
        done = subprocess.run(
            [self.python, "-m", "pip", "--disable-pip-version-check", *arguments],
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def connected(server: ServerProcess) -> Any:
    import h2o

    h2o.connect(url=server.url, verbose=False)
    h2o.no_progress()
    return h2o


def active(h2o: Any) -> set[str]:
    return {e["name"] for e in h2o.api("GET /3/Capabilities/Extensions")["extensions"] if e["state"] == "active"}


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("examples") / "venv")


@pytest.fixture(scope="session")
def tools() -> tuple[Callable[[ServerProcess], Any], Callable[[Any], set[str]]]:
    return connected, active
