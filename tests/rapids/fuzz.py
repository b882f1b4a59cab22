"""Ask a cloud random expressions and report what gives neither an answer nor a clear error, hangs, crashes or leaks.

    python -m tests.rapids.fuzz [--count 100000] [--nodes 1] [--seed 1] [--report fuzz.json] [--last last.txt]

Run it in the root of the repository. The exit code is 0 when nothing was wrong. An expression that takes longer than a minute ends
the run with the stacks of all threads, as does a crash of the interpreter; the file given with ``--last`` then holds it.
The same seed asks the same expressions.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from h2ok.capabilities.contracts.extension import Primitives
from h2ok.capabilities.contracts.primitive import Primitive
from h2ok.ext.rapids.extension import extension
from h2ok.ext.rapids.routes import answer
from h2ok.kernel import H2OKError
from h2ok.kernel.testing import local_cloud

from .conftest import Rapids
from .grammar import Grammar
from .test_answers import RECORDED, put_frames

__all__ = ["LONGEST", "Findings", "fuzz"]

#: No small expression may take longer, in seconds; a slow machine included.
LONGEST = 20.0
#: Primitives that change a frame of the others in place.
CHANGING = ("scale_inplace", "impute", "setDomain", "appendLevels")


@dataclass(slots=True)
class Findings:
    """What a run found: expression -> what was wrong with it."""

    wrong: dict[str, str] = field(default_factory=dict)
    leaks: dict[str, Any] = field(default_factory=dict)
    answers: int = 0
    errors: int = 0
    longest: float = 0.0

    @property
    def fine(self) -> bool:
        return not self.wrong and not self.leaks

    def __str__(self) -> str:
        wrong = [f"{k}\n    {v}" for k, v in list(self.wrong.items())[:40]]
        leaks = [f"{k}\n    leaves {v}" for k, v in list(self.leaks.items())[:40]]
        counts = f"{self.answers} answers, {self.errors} errors, {len(self.wrong)} wrong, {len(self.leaks)} leaks"
        return "\n".join([*wrong, *leaks, f"{counts}; longest {self.longest:.2f} s"])


def keys(r: Rapids) -> set[str]:
    return {k for n in r.nodes for k in n.dkv.local_keys() if not k.startswith("\x01r")}


def primitives(r: Rapids) -> list[Primitive]:
    names = sorted(n for p in extension.provides if isinstance(p, Primitives) for n in p.names)
    return [p for p in (r.session.primitive(n) for n in names) if p is not None]


def ask(r: Rapids, text: str, found: Findings) -> None:
    """Evaluate one expression, and note what went wrong with it."""
    start = time.monotonic()
    try:
        value, stored = r.session.execute(text)
        answer(value, stored).to_json()
        found.answers += 1
    except H2OKError as e:
        found.errors += 1
        if len(str(e)) < 10:
            found.wrong[text] = f"a message that says nothing: {e!r}"
    except Exception as e:  # what clients would see as an internal error
        found.wrong[text] = f"{type(e).__name__}: {e}"
    took = time.monotonic() - start
    found.longest = max(found.longest, took)
    if took > LONGEST:
        found.wrong[text] = f"{took:.1f} s"


def restore(r: Rapids, chunk_rows: int) -> None:
    """The frames as they were before anybody changed them."""
    for key in (*RECORDED["frames"], "f0"):
        r(f"(rm {key})")
    put_frames(r, chunk_rows)


def fuzz(r: Rapids, count: int, seed: int, chunk_rows: int, watch: Path | None = None) -> Findings:
    """Ask ``count`` expressions of a cloud that holds the recorded frames; ``watch``: file for the expression at work."""
    grammar = Grammar(primitives(r), seed, [case["expr"] for case in RECORDED["cases"]])
    before = keys(r)
    found = Findings()
    for i in range(count):
        text = grammar.expression()
        if watch is not None:
            watch.write_text(text, encoding="utf-8", errors="backslashreplace")
            faulthandler.dump_traceback_later(60, exit=True)
            if i % 5000 == 4999:
                print(f"{i + 1}: {found.answers} answers, {len(found.wrong)} wrong, {len(found.leaks)} leaks", flush=True)
        ask(r, text, found)
        r("(rm fuzz_temp)")
        now = keys(r)
        # In-place primitives give a named frame new columns; the old ones are gone.
        left = now - before
        if len(left) > len(before - now):
            found.leaks[text] = sorted(left)[:3]
        before = now
        if any(word in text for word in CHANGING):
            restore(r, chunk_rows)
            before = keys(r)
    faulthandler.cancel_dump_traceback_later()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="write what was found to this file")
    parser.add_argument("--last", type=Path, default=Path(os.devnull), help="keep the expression at work in this file")
    a = parser.parse_args()
    faulthandler.enable()
    # As in tests: a warning of numpy is a case that nobody thought of.
    warnings.simplefilter("error")
    chunk_rows = 65536 if a.nodes == 1 else 3
    with local_cloud(a.nodes) as nodes:
        r = Rapids(nodes)
        put_frames(r, chunk_rows)
        found = fuzz(r, a.count, a.seed, chunk_rows, watch=a.last)
    print(found)
    if a.report:
        a.report.write_text(json.dumps({"wrong": found.wrong, "leaks": found.leaks}, indent=1), encoding="utf-8")
    return 0 if found.fine else 1


if __name__ == "__main__":
    sys.exit(main())
