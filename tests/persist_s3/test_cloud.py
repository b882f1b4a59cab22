"""An S3-compatible store behind a line that breaks, read and written through the official client on a cloud of three nodes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")

from h2ok.capabilities.testing.server import ServerProcess

pytestmark = pytest.mark.engine


class BreakingLine:
    """A TCP relay that cuts every third large answer after some kilobytes."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cuts = 0
        self._large = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._accept, name="line", daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for t in self._threads:
            t.join(10)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            for source, sink, cuts in ((near, far, False), (far, near, True)):
                thread = threading.Thread(target=self._relay, args=(source, sink, cuts), name="line", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _relay(self, source: socket.socket, sink: socket.socket, cuts: bool) -> None:
        seen = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(16384):
                seen += len(piece)
                if cuts and seen > 100_000 and seen - len(piece) <= 100_000 and self._break():
                    break
                sink.sendall(piece)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()

    def _break(self) -> bool:
        with self._lock:
            self._large += 1
            cut = self._large % 3 == 1
            self.cuts += cut
            return cut


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[BreakingLine]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    made = BreakingLine(host, port)
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "H2OK_S3_PATH_STYLE": "1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    import boto3

    boto3.client("s3").create_bucket(Bucket="cloud")
    yield made
    made.close()
    server.stop()


@pytest.mark.timeout(180)
def test_a_cloud_reads_and_writes_a_store_whose_connections_break(line: BreakingLine, tmp_path: Path) -> None:
    import boto3
    import h2o

    rng = np.random.default_rng(1)
    table = pd.DataFrame({"x": rng.integers(0, 10**9, 300_000), "k": rng.choice(["a", "b", "c"], 300_000)})
    boto3.client("s3").put_object(Bucket="cloud", Key="in/t.csv", Body=table.to_csv(index=False).encode())
    environment = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{line.port}"}
    server = ServerProcess(tmp_path, 3, ["--nthreads", "1"], environment)
    try:
        h2o.connect(url=server.url, verbose=False)
        h2o.no_progress()
        frame = h2o.import_file("s3://cloud/in/t.csv", destination_frame="t")
        assert frame.nrows == len(table)
        assert frame["x"].sum() == table["x"].sum()
        assert line.cuts > 0, "the line never broke, so this test shows nothing"
        h2o.export_file(frame, "s3://cloud/out/t.csv")
        with pytest.raises(h2o.exceptions.H2OResponseError, match="Nothing is stored at s3://cloud/missing"):
            h2o.import_file("s3://cloud/missing.csv")
        h2o.remove_all()
        h2o.connection().close()
    finally:
        assert server.stop() == 0
    written = pd.read_csv(boto3.client("s3").get_object(Bucket="cloud", Key="out/t.csv")["Body"])
    pd.testing.assert_frame_equal(written, table)
