"""Official client against real server processes: one node, and a cloud of three."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from h2ok.capabilities.testing.server import ServerProcess


@pytest.fixture(scope="session", params=[1, 3], ids=["one-node", "three-nodes"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("ice"), request.param, ["--nthreads", "2"])
    yield server
    assert server.stop() == 0


@pytest.fixture
def h2o(server: ServerProcess) -> Iterator[object]:
    """The client module, connected; everything is removed and nothing may be left at the end."""
    import h2o

    h2o.connect(url=server.url, verbose=False, strict_version_check=True)
    h2o.no_progress()
    yield h2o
    h2o.remove_all()
    assert len(h2o.ls()) == 0
    h2o.connection().close()


@pytest.fixture(scope="session")
def people() -> pd.DataFrame:
    """3,000 rows with every column type, missing values, and a response that depends on them."""
    rng = np.random.default_rng(7)
    n = 3000
    age = rng.integers(18, 80, n).astype(float)
    income = np.round(rng.lognormal(10, 0.5, n), 2)
    city = rng.choice(["Oslo", "Lima", "Kyiv", "Pune"], n)
    score = 0.04 * (age - 45) + 0.6 * (city == "Oslo") - 0.4 * (city == "Lima") + rng.normal(0, 0.7, n)
    age[rng.random(n) < 0.05] = np.nan
    return pd.DataFrame(
        {
            "age": age,
            "income": income,
            "city": city,
            "name": [f"p{i}" for i in range(n)],
            "since": pd.date_range("2020-01-01", periods=n, freq="D").strftime("%Y-%m-%d"),
            "score": np.round(score, 4),
            "buys": np.where(score > 0.1, "yes", "no"),
        }
    )


@pytest.fixture
def people_csv(people: pd.DataFrame, tmp_path: Path) -> str:
    path = tmp_path / "people.csv"
    people.to_csv(path, index=False)
    return str(path)
