"""h2ok client and h2ok bindings: client code and an OpenAPI document from a server's metadata."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from h2ok.kernel import IllegalArgumentError

__all__ = ["Bindings"]


class Bindings:
    """Made from a running server (``--url``), or else from the extensions installed here."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare options."""
        parser.add_argument("language", choices=("python", "r", "openapi"), help="what to generate")
        parser.add_argument("--algo", action="append", default=[], metavar="NAME", help="an algorithm (default: all of them)")
        parser.add_argument("--url", default="", help="a running node (default: the extensions installed here)")
        parser.add_argument("--out", type=Path, metavar="PATH", help="a file, or a folder for several algorithms (default: print)")

    def run(self, args: argparse.Namespace) -> int:
        """Print or write."""
        from h2ok.capabilities.bindings import LocalMetadata, RemoteMetadata

        # Nobody reads the log of a node that lives for a moment.
        logging.getLogger("h2ok").setLevel(logging.ERROR)
        with contextlib.ExitStack() as stack:
            metadata: Any = RemoteMetadata(args.url) if args.url else stack.enter_context(LocalMetadata.opened())
            files = self._files(metadata, args.language, args.algo)
        for name, text in files.items():
            self._put(args.out, name, text, single=len(files) == 1)
        return 0

    def _files(self, metadata: Any, language: str, algos: list[str]) -> dict[str, str]:
        from h2ok.capabilities.bindings import openapi_document, python_source, r_source
        from h2ok.capabilities.bindings.metadata import describe_algorithm

        if language == "openapi":
            if algos:
                raise IllegalArgumentError("An OpenAPI document is of the whole server; leave --algo out.", argument="algo")
            return {"openapi.json": json.dumps(openapi_document(metadata), indent=1) + "\n"}
        source: Callable[[Mapping[str, Any]], str] = python_source if language == "python" else r_source
        suffix = ".py" if language == "python" else ".R"
        names = algos or sorted(metadata.get("/3/ModelBuilders")["model_builders"])
        return {n + suffix: source(describe_algorithm(metadata, n)) for n in names}

    def _put(self, out: Path | None, name: str, text: str, *, single: bool) -> None:
        if out is None:
            print(text)
            return
        target = out if single and not out.is_dir() else out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        print(f"made {target}")
