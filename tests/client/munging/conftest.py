"""One table of every column type with missing values, parsed into a single chunk and into forty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

TYPES = {"n": "real", "i": "int", "k": "int", "e": "enum", "f": "enum", "s": "string", "t": "time", "p": "real"}


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """3,000 rows; texts of ``s`` hold spaces and dashes; ``k`` and ``p`` have no missing values."""
    rng = np.random.default_rng(11)
    n = 3000
    words = np.array(["red fox", "Blue-jay", "otter", "a b c", "Zebra-x y"])
    out = pd.DataFrame(
        {
            "n": np.round(rng.normal(size=n) * 10, 3),
            "i": rng.integers(-5, 6, n).astype(float),
            "k": rng.integers(0, 40, n),
            "e": rng.choice(["ant", "bee", "cat"], n),
            "f": rng.choice(["no", "yes"], n),
            "s": rng.choice(words, n),
            "t": pd.to_datetime(1_500_000_000 + rng.integers(0, 10**8, n), unit="s"),
            "p": np.round(rng.gamma(2.0, 3.0, n), 3) + 0.001,
        }
    )
    for column in ("n", "i", "e", "s"):
        out.loc[rng.random(n) < 0.03, column] = np.nan if column in "ni" else None
    return out


@pytest.fixture(scope="session")
def table_csv(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("munging") / "table.csv"
    table.to_csv(path, index=False, date_format="%Y-%m-%d %H:%M:%S")
    return path


#: Every test runs on one node with one chunk and on three nodes with forty; the other combinations are slow ones.
_USUAL = ("one-node-1chunk", "three-nodes-40chunks")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "chunk" in item.name and not any(f"[{usual}]" in item.name for usual in _USUAL):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(params=[1, 40], ids=["1chunk", "40chunks"])
def fr(request: pytest.FixtureRequest, h2o: Any, server: Any, table_csv: Path) -> Any:
    """A frame of the table that a test may change; the table is parsed once for each server."""
    base = f"table{request.param}.base"
    if base not in h2o.ls()["key"].tolist():
        _parse(h2o, table_csv, base, request.param)
        assert len(h2o.api(f"GET /3/FrameChunks/{base}")["chunks"]) == request.param
    h2o.rapids(f"(assign table.hex {base})")
    return h2o.get_frame("table.hex")


def _parse(h2o: Any, path: Path, key: str, chunks: int) -> None:
    if chunks == 1:
        h2o.import_file(str(path), header=1, col_types=TYPES, destination_frame=key)
        return
    # The client leaves the size of chunks to the server; the request may name it.
    raw = h2o.lazy_import(str(path))
    setup = h2o.parse_setup(raw, header=1, column_types=TYPES, destination_frame=key)
    names = [n.strip('"') for n in setup["column_names"]]
    job = h2o.api(
        "POST /3/Parse",
        data={
            "source_frames": [s["name"] for s in setup["source_frames"]],
            "destination_frame": key,
            "column_names": names,
            "column_types": setup["column_types"],
            "number_columns": len(names),
            "parse_type": "CSV",
            "separator": ord(","),
            "check_header": 1,
            "chunk_size": path.stat().st_size // chunks + 1,
        },
    )
    h2o.job.H2OJob(job, "Parse").poll()


@pytest.fixture
def h2o(server: Any) -> Iterator[Any]:
    """The client module, connected; everything but the parsed table is removed and nothing else may be left at the end."""
    import h2o

    h2o.connect(url=server.url, verbose=False, strict_version_check=True)
    h2o.no_progress()
    yield h2o
    kept = [k for k in h2o.ls()["key"].tolist() if k.endswith(".base")]
    h2o.remove_all(retained=kept)
    assert sorted(h2o.ls()["key"].tolist()) == sorted(kept)
    h2o.connection().close()


def columns(*frames: Any) -> list[Any]:
    """Frames of a column each as arrays, NA as NaN, enum and text columns as objects; in one download."""
    first, *rest = frames
    out = (first.cbind(rest) if rest else first).as_data_frame(use_multi_thread=False)
    assert out.shape[1] == len(frames)
    return [out.iloc[:, j].to_numpy() for j in range(len(frames))]


def numbers(frame: Any, column: int = 0) -> Any:
    """A column as float64[n], NA as NaN; enum and text columns as objects."""
    out = frame.as_data_frame(use_multi_thread=False).iloc[:, column]
    return out.to_numpy()
