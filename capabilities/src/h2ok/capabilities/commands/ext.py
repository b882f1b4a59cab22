"""h2ok ext list, info, check and new."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from h2ok.capabilities.checking import check_extension, find_extension
from h2ok.capabilities.installing import how_to_get
from h2ok.capabilities.registry import Registry
from h2ok.capabilities.report import extension_report, loaded_json
from h2ok.capabilities.scaffold import KINDS, new_extension

__all__ = ["Ext"]


class Ext:
    """Show what is installed and why something is not active; check a package; make one."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare sub-commands."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="all extensions with state")
        listing.add_argument("--json", action="store_true", help="print the report as JSON")
        info = actions.add_parser("info", help="one extension in detail")
        info.add_argument("name")
        info.add_argument("--json", action="store_true", help="print as JSON")
        check = actions.add_parser("check", help="whether an extension keeps its contracts")
        check.add_argument("what", metavar="NAME-or-path", help="an installed extension, or the folder of a project")
        new = actions.add_parser("new", help="make the package of a new extension, with tests")
        new.add_argument("kind", choices=KINDS)
        new.add_argument("name", help="of the extension; the package is called h2ok-NAME")
        new.add_argument("--to", type=Path, metavar="FOLDER", help="where to (default: h2ok-NAME here)")

    def run(self, args: argparse.Namespace) -> int:
        """Print; 1 when an extension asked for is not installed."""
        if args.action == "check":
            return self._check(args.what)
        if args.action == "new":
            return self._new(args.kind, args.name, args.to or Path(f"h2ok-{args.name.replace('_', '-')}"))
        registry = Registry.discover()
        return self._list(registry, args.json) if args.action == "list" else self._info(registry, args.name, args.json)

    def _list(self, registry: Registry, as_json: bool) -> int:
        if as_json:
            print(json.dumps(extension_report(registry), indent=2))
            return 0
        rows = [("NAME", "STATE", "VERSION", "DISTRIBUTION", "PROVIDES")]
        for x in registry.loaded:
            described = loaded_json(x)
            rows.append((x.name, x.state, x.version, x.distribution, ", ".join(described["kinds"]) or "-"))
        widths = [max(len(r[i]) for r in rows) for i in range(4)]
        for row in rows:
            print("  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[4]]))
        for x in registry.loaded:
            if x.reason:
                print(f"\n{x.name} is {x.state}: {x.reason}")
            for warning in x.warnings:
                print(f"\n{x.name}: {warning}")
        return 0

    def _info(self, registry: Registry, name: str, as_json: bool) -> int:
        found = [x for x in registry.loaded if x.name == name]
        if not found:
            installed = ", ".join(x.name for x in registry.loaded) or "none"
            how = how_to_get(name, [x.name for x in registry.loaded])
            print(f"h2ok: extension '{name}' is not installed. {how} Installed: {installed}.", file=sys.stderr)
            return 1
        for x in found:
            described = loaded_json(x, registry.info(x))
            if as_json:
                print(json.dumps(described, indent=2))
                continue
            provides = described.pop("provides")
            for key, value in described.items():
                told = [f"{k} {v}" for k, v in value.items()] if isinstance(value, dict) else value
                if told not in (None, "", []):
                    print(f"{key:<14}{', '.join(told) if isinstance(told, list) else told}")
            for p in provides:
                print(f"{'provides':<14}{p['kind']:<12}{p['name']}")
            if x.traceback:
                print("\n" + x.traceback.rstrip())
        return 0

    def _check(self, what: str) -> int:
        path = Path(what) if (Path(what) / "pyproject.toml").is_file() else None
        errors = 0
        for x in find_extension(what):
            print(f"{x.name} ({x.distribution} {x.version})")
            for finding in check_extension(x, path):
                errors += finding.level == "error"
                print(f"  {finding.level:<8}{finding.text}")
        print("No errors." if not errors else f"{errors} error{'s' if errors > 1 else ''}.")
        return 1 if errors else 0

    def _new(self, kind: str, name: str, folder: Path) -> int:
        for path in new_extension(kind, name, folder):
            print(f"made {path}")
        print(f'\nNext: cd {folder} && pip install -e ".[test]" && python -m pytest, then start a node: h2ok start --ext {name}')
        return 0
