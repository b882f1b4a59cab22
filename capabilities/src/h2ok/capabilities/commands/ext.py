"""h2ok ext list, h2ok ext info."""

from __future__ import annotations

import argparse
import json
import sys

from h2ok.capabilities.registry import Registry
from h2ok.capabilities.report import extension_report, loaded_json

__all__ = ["Ext"]


class Ext:
    """Show what is installed and why something is not active."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare sub-commands."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="all extensions with state")
        listing.add_argument("--json", action="store_true", help="print the report as JSON")
        info = actions.add_parser("info", help="one extension in detail")
        info.add_argument("name")
        info.add_argument("--json", action="store_true", help="print as JSON")

    def run(self, args: argparse.Namespace) -> int:
        """Print; 1 when an extension asked for is not installed."""
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
        return 0

    def _info(self, registry: Registry, name: str, as_json: bool) -> int:
        found = [x for x in registry.loaded if x.name == name]
        if not found:
            installed = ", ".join(x.name for x in registry.loaded) or "none"
            print(
                f"h2ok: extension '{name}' is not installed. pip install h2ok[{name}] or pip install h2ok-{name}. "
                f"Installed: {installed}.",
                file=sys.stderr,
            )
            return 1
        for x in found:
            described = loaded_json(x)
            if as_json:
                print(json.dumps(described, indent=2))
                continue
            provides = described.pop("provides")
            for key, value in described.items():
                if value not in (None, "", []):
                    print(f"{key:<14}{', '.join(value) if isinstance(value, list) else value}")
            for p in provides:
                print(f"{'provides':<14}{p['kind']:<12}{p['name']}")
            if x.traceback:
                print("\n" + x.traceback.rstrip())
        return 0
