"""Real processes of ``h2ok start`` killed while a client works: the cloud goes on, or says which node it lost."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from h2ok.capabilities.testing.server import free_ports

pytestmark = pytest.mark.engine


class Processes:
    """Three members started one by one, so that any of them can be killed alone."""

    def __init__(self, folder: Path, replicas: int) -> None:
        first = free_ports(8)
        self.ports = [first, first + 2, first + 4]
        flatfile = folder / "flatfile"
        flatfile.write_text("\n".join(f"127.0.0.1:{p}" for p in self.ports))
        base = [sys.executable, "-m", "h2ok.capabilities.cli", "start", "--name", f"faults-{first}", "--flatfile", str(flatfile)]
        base += ["--cloud-size", "3", "--replicas", str(replicas), "--nthreads", "1", "--ice-root", str(folder), "--quiet"]
        self.processes = [subprocess.Popen([*base, "--port", str(p)], stdout=subprocess.DEVNULL) for p in self.ports]
        self.wait_for(0, lambda c: c["cloud_size"] == 3 and c["consensus"], 60)

    def ask(self, member: int, method: str, path: str, **form: Any) -> Any:
        """JSON of a request; no answer may take more than 20 seconds."""
        url = f"http://127.0.0.1:{self.ports[member]}{path}"
        data = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=20) as answer:
            return json.load(answer)

    def wait_for(self, member: int, condition: Any, seconds: float) -> float:
        """Seconds until the state of the cloud is as wanted."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                if condition(self.ask(member, "GET", "/3/Cloud")):
                    return time.monotonic() - began
            time.sleep(0.05)
        raise AssertionError(f"the cloud was not as expected after {seconds} s")

    def job(self, member: int, key: str, seconds: float = 60) -> dict[str, Any]:
        """The last state of a job."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            job: dict[str, Any] = self.ask(member, "GET", "/3/Jobs/" + urllib.parse.quote(key, safe=""))["jobs"][0]
            if job["status"] not in ("CREATED", "RUNNING"):
                return job
            time.sleep(0.05)
        raise AssertionError(f"job {key} did not end within {seconds} s")

    def train(self, member: int, model: str, ntrees: int = 40) -> str:
        """Start a GBM; the key of its job."""
        parameters = {"training_frame": "data", "response_column": "y", "ntrees": ntrees, "seed": 1, "model_id": model}
        key: str = self.ask(member, "POST", "/3/ModelBuilders/gbm", **parameters)["job"]["key"]["name"]
        return key

    def close(self) -> None:
        for p in self.processes:
            p.send_signal(signal.SIGCONT)
            p.terminate()
        for p in self.processes:
            p.wait(20)


@contextlib.contextmanager
def connected(folder: Path, replicas: int, member: int) -> Iterator[tuple[Any, Processes]]:
    """The official client at one member, with a frame ``data`` of 100,000 rows."""
    import h2o

    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(100_000, 6)).round(4), columns=[f"x{i}" for i in range(6)])
    data["y"] = (2 * data.x0 + data.x1**2 + rng.normal(size=len(data))).round(4)
    data.to_csv(folder / "data.csv", index=False)
    cloud = Processes(folder, replicas)
    try:
        h2o.connect(url=f"http://127.0.0.1:{cloud.ports[member]}", verbose=False, strict_version_check=False)
        h2o.no_progress()
        h2o.import_file(str(folder / "data.csv"), destination_frame="data")
        yield h2o, cloud
        with contextlib.suppress(Exception):
            h2o.connection().close()
    finally:
        cloud.close()


@pytest.mark.parametrize("victim", [0, 1])
def test_with_copies_a_killed_node_costs_a_moment(tmp_path: Path, victim: int) -> None:
    member = 2
    with connected(tmp_path, 1, member) as (h2o, cloud):
        sums = [h2o.get_frame("data")[c].sum() for c in ("x0", "y")]
        assert cloud.job(member, cloud.train(member, "whole"))["status"] == "DONE"
        job = cloud.train(member, "bereft")
        cloud.processes[victim].kill()
        cloud.processes[victim].wait(10)
        noticed = cloud.wait_for(member, lambda c: c["cloud_size"] == 2 or not c["cloud_healthy"], 10)
        ended = cloud.job(member, job)
        cloud.wait_for(member, lambda c: c["cloud_size"] == 2 and c["cloud_healthy"], 20)
        frame = h2o.get_frame("data")
        assert noticed < 3
        assert ended["status"] == "DONE", ended
        assert [frame[c].sum() for c in ("x0", "y")] == sums
        whole, bereft = (h2o.get_model(m).predict(frame).as_data_frame() for m in ("whole", "bereft"))
        assert whole.equals(bereft)
        h2o.connect(url=f"http://127.0.0.1:{cloud.ports[1 - victim]}", verbose=False, strict_version_check=False)
        assert {"data", "whole", "bereft"} <= set(h2o.ls()["key"])


def test_without_copies_the_job_fails_with_the_name_of_the_node(tmp_path: Path) -> None:
    with connected(tmp_path, 0, 1) as (_, cloud):
        job = cloud.train(1, "bereft", ntrees=400)
        cloud.processes[0].kill()
        began = time.monotonic()
        ended = cloud.job(1, job, 15)
        assert time.monotonic() - began < 15
        assert ended["status"] == "FAILED"
        assert f"127.0.0.1:{cloud.ports[0]}" in ended["exception"]
        with pytest.raises(urllib.error.HTTPError) as refused:
            cloud.ask(1, "GET", "/3/Frames/data/summary")
        assert refused.value.code in (404, 503)
        assert f"127.0.0.1:{cloud.ports[0]}" in refused.value.read().decode()


def test_a_frozen_node_is_replaced_and_a_cancel_ends(tmp_path: Path) -> None:
    with connected(tmp_path, 1, 1) as (_, cloud):
        job = cloud.train(1, "cancelled", ntrees=2000)
        cloud.processes[0].send_signal(signal.SIGSTOP)
        began = time.monotonic()
        assert cloud.wait_for(1, lambda c: not c["cloud_healthy"], 12) < 12
        cloud.ask(1, "POST", f"/3/Jobs/{urllib.parse.quote(job, safe='')}/cancel")
        assert cloud.job(1, job, 20)["status"] == "CANCELLED"
        assert time.monotonic() - began < 20
        cloud.wait_for(1, lambda c: c["cloud_size"] == 2 and c["cloud_healthy"], 20)
        cloud.processes[0].send_signal(signal.SIGCONT)
        assert cloud.processes[0].wait(20) == 255
