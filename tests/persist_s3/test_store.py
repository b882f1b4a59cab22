"""PersistS3 against a real S3-compatible server in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")

from h2ok.capabilities import Registry, Runtime
from h2ok.ext.persist_s3.credentials import S3Credentials, set_credentials
from h2ok.ext.persist_s3.store import PersistS3
from h2ok.kernel import IllegalArgumentError, Node, NodeConfig


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[PersistS3]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("H2OK_S3_PATH_STYLE", "1")
    node = Node(NodeConfig(nthreads=1))
    set_credentials(node, S3Credentials("key", "secret"))
    store = PersistS3(Runtime(node, Registry()))
    store._client().create_bucket(Bucket="bkt")
    yield store
    node.close()
    server.stop()


def test_write_read_list_rename_delete(store: PersistS3) -> None:
    with store.create("s3://bkt/in/t.csv") as out:
        out.write(b"a,b\n1,2\n")
    assert store.size("s3://bkt/in/t.csv") == 8
    assert store.read("s3://bkt/in/t.csv", 4, 3) == b"1,2"
    assert store.read("s3://bkt/in/t.csv", 100, 3) == b""
    with store.open("s3://bkt/in/t.csv") as stream:
        assert stream.read() == b"a,b\n1,2\n"
    assert [e.uri for e in store.list("s3://bkt/in")] == ["s3://bkt/in/t.csv"]
    store.rename("s3://bkt/in/t.csv", "s3://bkt/out.csv")
    assert not store.exists("s3://bkt/in/t.csv")
    store.delete("s3://bkt/out.csv")
    assert not store.exists("s3://bkt/out.csv")


def test_a_prefix_is_a_folder_not_a_beginning(store: PersistS3) -> None:
    for name in ("data/1.csv", "data2/2.csv"):
        with store.create(f"s3://bkt/{name}") as out:
            out.write(b"x\n")
    assert [e.uri for e in store.list("s3://bkt/data")] == ["s3://bkt/data/1.csv"]


def test_existing_objects_are_not_overwritten_unasked(store: PersistS3) -> None:
    for _ in range(2):
        with store.create("s3://bkt/t", overwrite=True) as out:
            out.write(b"x")
    with pytest.raises(FileExistsError, match="force"):
        store.create("s3://bkt/t")


def test_a_failed_export_stores_nothing(store: PersistS3) -> None:
    out = store.create("s3://bkt/failed")
    out.write(b"half")
    out.__exit__(RuntimeError, RuntimeError("boom"), None)
    assert not store.exists("s3://bkt/failed")


def test_missing_objects_and_bad_uris(store: PersistS3) -> None:
    with pytest.raises(FileNotFoundError, match="s3://bkt/nosuch"):
        store.size("s3://bkt/nosuch")
    with pytest.raises(FileNotFoundError):
        store.list("s3://nobucket/x")
    with pytest.raises(IllegalArgumentError, match="bucket/key"):
        store.read("s3://bkt")


def test_the_secret_is_in_no_text(store: PersistS3) -> None:
    assert "secret" not in repr(S3Credentials("key", "secret")).replace("secret_access_key", "")


def test_a_presigned_url_gives_the_object_for_a_while(store: PersistS3) -> None:
    from types import SimpleNamespace
    from urllib.request import urlopen

    from h2ok.capabilities.contracts.errors import BadRequestError
    from h2ok.ext.persist_s3.primitives import presigned_url

    with store.create("s3://bkt/a b.csv") as out:
        out.write(b"x\n1\n")
    env = SimpleNamespace(runtime=store.runtime)
    url = presigned_url(env, "s3://bkt/a b.csv", 60_000.0)
    with urlopen(url) as found:
        assert found.read() == b"x\n1\n"
    for path, duration in (("/tmp/x", 60_000.0), ("s3://bkt/x", 0.0), ("s3://bkt/x", 1e12), ("s3://bkt/x", float("nan"))):
        with pytest.raises(BadRequestError):
            presigned_url(env, path, duration)
