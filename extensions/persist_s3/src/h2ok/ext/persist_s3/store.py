"""PersistS3: objects of S3-compatible stores behind the Persist contract.

Settings come from the environment as for every S3 tool: ``AWS_ENDPOINT_URL`` (or ``AWS_ENDPOINT_URL_S3``) for other stores,
``AWS_REGION``, ``AWS_PROFILE``; ``H2OK_S3_PATH_STYLE=1`` addresses buckets in the path.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from h2ok.capabilities.contracts.persist import Entry, Persist
from h2ok.ext.persist_s3.credentials import S3Credentials, credentials_of
from h2ok.kernel import H2OKError, IllegalArgumentError

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["PersistS3", "S3Error"]

_PIECE = 8 << 20
#: Times a range is asked for when its connection breaks.
_ATTEMPTS = 5
_MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


class S3Error(H2OKError, OSError):
    """The store refused or could not be reached."""


class PersistS3(Persist):
    """``s3://bucket/key``. Range reads, paged listings, multipart uploads; transient errors are retried five times."""

    schemes = ("s3", "s3a", "s3n")

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._clients: dict[S3Credentials | None, Any] = {}
        self._lock = threading.Lock()

    def size(self, uri: str) -> int:
        bucket, key = split_uri(uri)
        with _explained(uri):
            return int(self._client().head_object(Bucket=bucket, Key=key)["ContentLength"])

    def read(self, uri: str, start: int = 0, length: int = -1) -> bytes:
        if length == 0:
            return b""
        with _explained(uri):
            out = bytearray()
            for attempt in range(_ATTEMPTS):
                if self._read_on(uri, out, start, length, last=attempt == _ATTEMPTS - 1):
                    break
                time.sleep(0.05 * 2**attempt)
        return bytes(out)

    def _read_on(self, uri: str, out: bytearray, start: int, length: int, *, last: bool) -> bool:
        """Append what is missing of a range; false when the connection broke on the way, and raises when that was the last try.

        The library retries requests, but not a body that breaks off.
        """
        from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

        bucket, key = split_uri(uri)
        stop = "" if length < 0 else str(start + length - 1)
        try:
            found = self._client().get_object(Bucket=bucket, Key=key, Range=f"bytes={start + len(out)}-{stop}")
            with found["Body"] as body:
                while piece := body.read(_PIECE):
                    out += piece
        except ClientError as e:
            if e.response["Error"]["Code"] == "InvalidRange":
                return True
            raise
        except (HTTPClientError, IncompleteReadError, OSError):
            if last:
                raise
            return False
        return True

    def open(self, uri: str) -> BinaryIO:
        return io.BufferedReader(_RangeStream(self, uri), _PIECE)

    def list(self, uri: str) -> list[Entry]:
        bucket, key = split_uri(uri, key_needed=False)
        scheme = uri.partition("://")[0]
        found: list[Entry] = []
        with _explained(uri):
            pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
            for page in pages:
                for item in page.get("Contents", ()):
                    name = item["Key"]
                    inside = name == key or not key or name.startswith(key if key.endswith("/") else key + "/")
                    if inside and not name.endswith("/"):
                        found.append(Entry(f"{scheme}://{bucket}/{name}", int(item["Size"])))
        if not found:
            raise FileNotFoundError(f"Nothing is stored at {uri}. Check the bucket, the key and the credentials.")
        return found

    def create(self, uri: str, *, overwrite: bool = False) -> BinaryIO:
        bucket, key = split_uri(uri)
        if not overwrite and self.exists(uri):
            raise FileExistsError(f"{uri} already exists. Pass force=True to replace it.")
        return cast("BinaryIO", _Upload(self._client(), bucket, key, uri))

    def delete(self, uri: str) -> None:
        bucket, key = split_uri(uri)
        with _explained(uri):
            self._client().delete_object(Bucket=bucket, Key=key)

    def rename(self, source: str, target: str) -> None:
        (from_bucket, from_key), (bucket, key) = split_uri(source), split_uri(target)
        with _explained(source):
            client = self._client()
            client.copy({"Bucket": from_bucket, "Key": from_key}, bucket, key)
            client.delete_object(Bucket=from_bucket, Key=from_key)

    def exists(self, uri: str) -> bool:
        try:
            self.size(uri)
        except FileNotFoundError:
            return False
        return True

    def presigned_url(self, uri: str, seconds: int) -> str:
        """A URL that gives anybody who has it the object for a while, at most a week."""
        bucket, key = split_uri(uri)
        with _explained(uri):
            url: str = self._client().generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds)
        return url

    def _client(self) -> Any:
        credentials = credentials_of(self.runtime.node)
        with self._lock:
            client = self._clients.get(credentials)
            if client is None:
                client = self._clients[credentials] = _make_client(credentials)
            return client


def split_uri(uri: str, *, key_needed: bool = True) -> tuple[str, str]:
    """(bucket, key) of ``s3://bucket/key``.

    Raises
    ------
    IllegalArgumentError
        There is no bucket, or no key where one is needed.
    """
    bucket, _, key = uri.partition("://")[2].partition("/")
    if not bucket or (key_needed and not key):
        raise IllegalArgumentError(f"'{uri}' names no object. Expected s3://bucket/key.")
    return bucket, key


def _make_client(credentials: S3Credentials | None) -> Any:
    import boto3
    from botocore.config import Config

    style = "path" if os.environ.get("H2OK_S3_PATH_STYLE") else "auto"
    config = Config(
        retries={"max_attempts": 5, "mode": "standard"}, connect_timeout=10, read_timeout=60, s3={"addressing_style": style}
    )
    keys: dict[str, str | None] = {}
    if credentials is not None:
        keys = {
            "aws_access_key_id": credentials.access_key_id,
            "aws_secret_access_key": credentials.secret_access_key,
            "aws_session_token": credentials.session_token,
        }
    return boto3.session.Session(**keys).client("s3", config=config)


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Turns errors of the S3 library into ours, with the URI in the text."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as e:
        if str(e.response.get("Error", {}).get("Code")) in _MISSING:
            raise FileNotFoundError(f"{uri} does not exist.") from e
        raise S3Error(f"Cannot access {uri}: {e}. Check credentials and permissions (POST /3/PersistS3).") from e
    except BotoCoreError as e:
        raise S3Error(f"Cannot reach the store of {uri}: {e}. Check the endpoint, region and credentials.") from e


class _RangeStream(io.RawIOBase):
    """A readable stream made of range reads."""

    def __init__(self, store: PersistS3, uri: str) -> None:
        self._store, self._uri, self._at = store, uri, 0
        self._size = store.size(uri)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._at >= self._size:
            return 0
        data = self._store.read(self._uri, self._at, min(len(buffer), self._size - self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Upload:
    """Collects what is written and uploads it on close, in parts when it is large; an error inside ``with`` uploads nothing."""

    def __init__(self, client: Any, bucket: str, key: str, uri: str) -> None:
        self._client, self._bucket, self._key, self._uri = client, bucket, key, uri
        self._file = SpooledTemporaryFile(_PIECE)  # noqa: SIM115 - closed by close()

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def close(self) -> None:
        if not self._file.closed:
            self._file.seek(0)
            with self._file, _explained(self._uri):
                self._client.upload_fileobj(self._file, self._bucket, self._key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, value: object, tb: object) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()
