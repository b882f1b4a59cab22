"""One table of every column type with missing values, parsed into a single chunk and into forty."""

from __future__ import annotations

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


@pytest.fixture(params=[1, 40], ids=["1chunk", "40chunks"])
def fr(request: pytest.FixtureRequest, h2o: Any, table_csv: Path) -> Any:
    frame = h2o.import_file(str(table_csv), header=1, col_types=TYPES, destination_frame="table.hex")
    if request.param > 1:
        # The client leaves the size of chunks to the server; the request may name it.
        raw = h2o.lazy_import(str(table_csv))
        setup = h2o.parse_setup(raw, header=1, column_types=TYPES, destination_frame="table.hex")
        names = [n.strip('"') for n in setup["column_names"]]
        job = h2o.api(
            "POST /3/Parse",
            data={
                "source_frames": [s["name"] for s in setup["source_frames"]],
                "destination_frame": "table.hex",
                "column_names": names,
                "column_types": setup["column_types"],
                "number_columns": len(names),
                "parse_type": "CSV",
                "separator": ord(","),
                "check_header": 1,
                "chunk_size": table_csv.stat().st_size // request.param + 1,
            },
        )
        h2o.job.H2OJob(job, "Parse").poll()
        frame = h2o.get_frame("table.hex")
    chunks = h2o.api("GET /3/FrameChunks/table.hex")["chunks"]
    assert len(chunks) == request.param
    return frame


def numbers(frame: Any, column: int = 0) -> Any:
    """A column as float64[n], NA as NaN; enum and text columns as objects."""
    out = frame.as_data_frame(use_multi_thread=False).iloc[:, column]
    return out.to_numpy()
