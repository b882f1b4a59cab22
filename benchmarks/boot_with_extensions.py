"""What installed extensions cost a boot: none against 30, alternating.

    python benchmarks/boot_with_extensions.py [--rounds 7] [--extensions 30]

Each of the 30 is a distribution of its own with an algorithm, routes, a parser and a core extension. A boot is ``h2ok start`` from
the shell until REST answers; the extensions of h2ok itself are there both times.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from h2ok.capabilities.testing.server import ServerProcess

_MODULE = """
from h2ok.capabilities.contracts.extension import Algo, CoreExtension, Extension, Parser, Persist, Routes

extension = Extension(
    "{name}",
    provides=(
        Algo("{name}", "{name}_parts:Algorithm", "{name}"),
        Routes("{name}", "{name}_parts:ROUTES"),
        Parser("{name}", "{name}_parts:Parser"),
        Persist("{name}", "{name}_parts:Persist", ("{name}",)),
        CoreExtension("{name}", "{name}_parts:Core"),
    ),
    help="One of many.",
)
"""
_PARTS = """
from h2ok.capabilities.contracts.routes import Route
from h2ok.capabilities.hookspecs import hookimpl


class Core:
    @hookimpl
    def on_ready(self, url):
        pass


def answer(ctx, request):
    return {{"name": "{name}"}}


ROUTES = [Route("GET", "/3/{name}/%d" % i, answer, summary="Answer.") for i in range(5)]
"""


def write_extensions(folder: Path, count: int) -> None:
    """Distributions as pip leaves them."""
    for i in range(count):
        name = f"many{i:02d}"
        (folder / f"{name}_extension.py").write_text(_MODULE.format(name=name))
        (folder / f"{name}_parts.py").write_text(_PARTS.format(name=name))
        info = folder / f"h2ok_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: h2ok-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[h2ok.extensions]\n{name} = {name}_extension:extension\n")


def boot(ice_root: Path, path: str) -> tuple[float, float]:
    """Seconds until REST answers, and seconds of processor time spent until then (which other programs do not disturb)."""
    started = time.perf_counter()
    server = ServerProcess(ice_root, arguments=["--nthreads", "1"], environment={"PYTHONPATH": path})
    seconds = time.perf_counter() - started
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    server.stop()
    return seconds, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--extensions", type=int, default=30)
    args = parser.parse_args()
    with TemporaryDirectory() as folder:
        many = Path(folder, "many")
        many.mkdir()
        write_extensions(many, args.extensions)
        boot(Path(folder, "ice"), str(many))  # byte code
        seen: dict[str, list[tuple[float, float]]] = {"none": [], "many": []}
        for _ in range(args.rounds):
            seen["none"].append(boot(Path(folder, "ice"), ""))
            seen["many"].append(boot(Path(folder, "ice"), str(many)))
    for i, what in enumerate(("until REST answers", "of processor time")):
        none, with_many = (statistics.median(s[i] for s in seen[k]) * 1000 for k in ("none", "many"))
        print(f"{what:>20}: {none:5.0f} ms with none, {with_many:5.0f} ms with {args.extensions}, {with_many - none:+.0f} ms")


if __name__ == "__main__":
    main()
