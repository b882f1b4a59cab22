"""Write ``docs/compatibility.md``: what H2O-3 has and whether h2ok has it; and ``not_built.json``, from which a server says so.

python docs/make_compatibility.py            # writes both
python docs/make_compatibility.py --check    # exit 1 when one is not what would be written
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import h2ok.capabilities.surface
from h2ok.capabilities import Registry, resolve
from h2ok.capabilities.contracts.extension import Primitives
from h2ok.capabilities.testing import local_runtime
from h2ok.ext.algos.gbm.transforms import KINDS as OF_TREES
from h2ok.ext.rest.catalog import Catalog
from h2ok.ext.xgboost.transforms import KINDS as OF_XGBOOST

HERE = Path(__file__).parent
PACKAGED = Path(h2ok.capabilities.surface.__file__).parent / "not_built.json"
BUILT = ("built", "not built")
#: Flag of a prediction -> what the Python client calls it.
PREDICTIONS = {
    "predict_contributions": "predict_contributions",
    "leaf_node_assignment": "predict_leaf_node_assignment",
    "feature_frequencies": "feature_frequencies",
    "predict_staged_proba": "staged_predict_proba",
    "row_to_tree_assignment": "row_to_tree_assignment",
    "reconstruction_error": "anomaly",
    "reconstruct_train": "reconstruct",
    "project_archetypes": "proj_archetypes",
    "deep_features_hidden_layer": "deepfeatures",
}
INTRO = """# Compatibility with H2O-3

Made by `docs/make_compatibility.py` from the installed extensions and the surface of H2O-3 3.46 (`docs/h2o_surface.json`).
What is not built answers with an error that names it and this page. Differences in what is built: see [deviations](deviations.md).

The Python clients 3.46.0.11 and 3.46.0.12 are tested. 3.46.0.12 itself refuses `download_mojo`, `save_mojo` and `download_pojo`,
whatever server it talks to; `h2ok.client.download_mojo(model, path)` works with both.
"""


def pages(registry: Registry, schemas: set[str]) -> tuple[str, str]:
    """The texts of the page and of ``not_built.json``."""
    surface = json.loads((HERE / "h2o_surface.json").read_text())
    routes = {f"{r.method} {_shape(r.path)}" for group in registry.routes() for r in resolve(group.target)}
    builders = set(registry.algos())
    primitives = {name for p in registry.provided(Primitives) for name in p.names}
    routes |= _of_algos(routes, surface, builders)
    text = [
        INTRO,
        *_section("Algorithms", surface["algorithms"], builders, str),
        *_refused(registry),
        *_predictions(),
        *_section("Routes", surface["routes"], routes, _route_shape),
        *_section("Rapids primitives", surface["primitives"], primitives, str),
        *_section("Schemas", surface["schemas"], schemas, str, ("described", "not described")),
    ]
    missing = {
        "algorithm": [a for a in surface["algorithms"] if a not in builders],
        "primitive": [p for p in surface["primitives"] if p not in primitives],
        "route": [r for r in surface["routes"] if _route_shape(r) not in routes],
        "schema": [s for s in surface["schemas"] if s not in schemas],
    }
    return "\n".join(text), json.dumps(missing, indent=1) + "\n"


def _refused(registry: Registry) -> list[str]:
    """Parameters that are known and refused, from the constraints beside them."""
    lines = ["## Parameters that are refused", "", "Other values than the default end the request with what they would need.", ""]
    lines += ["| algorithm | parameter | needs |", "| --- | --- | --- |"]
    for name, algo in sorted(registry.algos().items()):
        target = registry.load(algo)
        builder: Any = target.as_builder() if hasattr(target, "as_builder") else target
        lines += [
            f"| `{name}` | `{f.wire_name}` | {f.needs} |" for f in builder.parameters.api_fields.values() if getattr(f, "needs", "")
        ]
    return [*lines, ""]


def _predictions() -> list[str]:
    """What models give in place of predictions."""
    lines = ["## In place of predictions", "", "| flag | the Python client's name | built for |", "| --- | --- | --- |"]
    for flag, method in PREDICTIONS.items():
        built = ["gbm", "drf"] if flag in OF_TREES else []
        # Its predictions are no sums over trees, so that there is nothing to contribute to.
        built += ["isolationforest"] if flag in OF_TREES and flag != "predict_contributions" else []
        built += ["xgboost"] if flag in OF_XGBOOST else []
        lines.append(f"| `{flag}` | `{method}` | {', '.join(built) or 'not built'} |")
    return [*lines, ""]


def _section(title: str, theirs: list[str], ours: set[str], shape: Any, words: tuple[str, str] = BUILT) -> list[str]:
    built = [t for t in theirs if shape(t) in ours]
    missing = [t for t in theirs if shape(t) not in ours]
    more = sorted(o for o in ours if o not in {shape(t) for t in theirs}) if words == BUILT else []
    lines = [f"## {title}: {len(built)} of {len(theirs)}", ""]
    if words != BUILT:
        lines += ["Answers that are built may have their shape with no class behind it that describes them.", ""]
    lines += ["| state | name |", "| --- | --- |"]
    lines += [f"| {words[0]} | `{_cell(t)}` |" for t in built]
    lines += [f"| {words[1]} | `{_cell(t)}` |" for t in missing]
    lines += [f"| h2ok only | `{_cell(t)}` |" for t in more]
    return [*lines, ""]


def _of_algos(routes: set[str], surface: dict[str, list[str]], builders: set[str]) -> set[str]:
    """Routes that H2O registers once an algorithm and h2ok once for all, with any version."""
    ours = {_unversioned(r) for r in routes}
    out = set()
    for shape in map(_route_shape, surface["routes"]):
        parts = shape.split("/")
        general = ["{}" if p in builders else p for p in parts]
        if general != parts and _unversioned("/".join(general)) in ours:
            out.add(shape)
    return out


def _unversioned(shape: str) -> str:
    return re.sub(r" /\d+/", " /", shape)


def _route_shape(route: str) -> str:
    method, path = route.split(" ", 1)
    return f"{method} {_shape(path)}"


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write or check."""
    with local_runtime() as runtime:
        made = pages(runtime.registry, set(runtime.service(Catalog).schemas()))
    stale = []
    for target, text in zip((HERE / "compatibility.md", PACKAGED), made, strict=True):
        if "--check" not in sys.argv:
            target.write_text(text)
        elif target.read_text() != text:
            stale.append(target.name)
    if stale:
        sys.exit(f"{', '.join(stale)}: stale; run python docs/make_compatibility.py")


if __name__ == "__main__":
    main()
