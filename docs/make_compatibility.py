"""Write ``docs/compatibility.md``: every route, primitive and algorithm of H2O-3 and whether h2ok has it.

python docs/make_compatibility.py            # writes the page
python docs/make_compatibility.py --check    # exit 1 when the page is not what would be written
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from h2ok.capabilities import Registry, resolve
from h2ok.capabilities.contracts.extension import Primitives

HERE = Path(__file__).parent
INTRO = """# Compatibility with H2O-3

Made by `docs/make_compatibility.py` from the installed extensions and the surface of H2O-3 3.46 (`docs/h2o_surface.json`).
What is not built answers with an error that names it. Differences in what is built are in [deviations](deviations.md).

The Python clients 3.46.0.11 and 3.46.0.12 are tested. 3.46.0.12 itself refuses `download_mojo`, `save_mojo` and `download_pojo`,
whatever server it talks to; `h2ok.client.download_mojo(model, path)` works with both.
"""


def page(registry: Registry) -> str:
    """The text of the page."""
    surface = json.loads((HERE / "h2o_surface.json").read_text())
    routes = {f"{r.method} {_shape(r.path)}" for group in registry.routes() for r in resolve(group.target)}
    builders = set(registry.algos())
    primitives = {name for p in registry.provided(Primitives) for name in p.names}
    return "\n".join(
        [
            INTRO,
            *_section("Algorithms", surface["algorithms"], builders, str),
            *_section("Routes", surface["routes"], routes | _of_algos(routes, surface, builders), _route_shape),
            *_section("Rapids primitives", surface["primitives"], primitives, str),
        ]
    )


def _section(title: str, theirs: list[str], ours: set[str], shape: object) -> list[str]:
    built = [t for t in theirs if shape(t) in ours]  # type: ignore[operator]
    missing = [t for t in theirs if shape(t) not in ours]  # type: ignore[operator]
    extra = sorted(o for o in ours if o not in {shape(t) for t in theirs})  # type: ignore[operator]
    lines = [f"## {title}: {len(built)} of {len(theirs)}", "", "| state | name |", "| --- | --- |"]
    lines += [f"| built | `{_cell(t)}` |" for t in built]
    lines += [f"| not built | `{_cell(t)}` |" for t in missing]
    lines += [f"| h2ok only | `{_cell(t)}` |" for t in extra]
    return [*lines, ""]


def _of_algos(routes: set[str], surface: dict[str, list[str]], builders: set[str]) -> set[str]:
    """Routes that H2O registers once an algorithm and h2ok once for all."""
    return {
        _route_shape(t)
        for t in surface["routes"]
        if (name := re.search(r"/(\w+)(/parameters)?$", t.removesuffix("/parameters")))
        and name.group(1) in builders
        and re.sub(rf"/{name.group(1)}(/|$)", r"/{}\1", _route_shape(t)) in routes
    }


def _route_shape(route: str) -> str:
    method, path = route.split(" ", 1)
    return f"{method} {_shape(path)}"


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write or check."""
    text = page(Registry.discover())
    target = HERE / "compatibility.md"
    if "--check" in sys.argv:
        sys.exit(0 if target.read_text() == text else "docs/compatibility.md is stale; run python docs/make_compatibility.py")
    target.write_text(text)


if __name__ == "__main__":
    main()
