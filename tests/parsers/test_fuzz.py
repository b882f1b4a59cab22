"""A short run of the fuzzer; ``python tests/parsers/fuzz.py --minutes 30`` is the long one."""

from __future__ import annotations

import sys
from pathlib import Path

from h2ok.capabilities.testing import local_runtime

sys.path.insert(0, str(Path(__file__).parent))
from fuzz import Fuzzer


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    with local_runtime(only=("rest", "parsers")) as runtime:
        fuzzer = Fuzzer(runtime, seed=7)
        for step in range(60):
            folder = tmp_path / str(step)
            folder.mkdir()
            fuzzer.step(folder)
        assert sum(fuzzer.outcomes.values()) == 60
