"""A node with its extensions, driven through the handlers as REST would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities import Registry, Runtime
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.parsers.imports import import_files_multi
from h2ok.ext.parsers.parse import parse, parse_setup
from h2ok.ext.parsers.schemas import ImportFilesMultiV3, ParseSetupV3, ParseV3
from h2ok.kernel import Frame, Node, NodeConfig

ECHOED = (
    "parse_type",
    "separator",
    "check_header",
    "number_columns",
    "column_names",
    "column_types",
    "na_strings",
    "single_quotes",
)


@pytest.fixture
def ctx() -> Iterator[RequestContext]:
    node = Node(NodeConfig(nthreads=2))
    node.start()
    yield RequestContext(Runtime(node, Registry.discover()))
    node.close()


@pytest.fixture
def load(ctx: RequestContext, tmp_path: Path) -> Callable[..., Frame]:
    """Write text to a file, import and parse it; keyword arguments override the guessed setup."""

    def run(text: str | bytes, name: str = "t.csv", chunk_size: int = 4 << 20, **given: Any) -> Frame:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        keys = import_files_multi(ctx, ImportFilesMultiV3(paths=[str(path)])).destination_frames
        setup = parse_setup(ctx, ParseSetupV3(source_frames=keys, **given))
        fields = {f: getattr(setup, f) for f in ECHOED} | given
        answer = parse(ctx, ParseV3(source_frames=keys, destination_frame="t.hex", chunk_size=chunk_size, blocking=True, **fields))
        job = ctx.node.jobs.get(answer.job.key["name"])
        assert job.status == "DONE", job.stacktrace
        return ctx.node.frames.get("t.hex")

    return run
