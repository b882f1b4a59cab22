"""Metadata: what a server says about its algorithms, routes and schemas, over HTTP or from the extensions installed here."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import quote

from h2ok.kernel import H2OKError, IllegalArgumentError

__all__ = ["LocalMetadata", "Metadata", "RemoteMetadata", "class_stem", "describe_algorithm"]


class Metadata(Protocol):
    """Where metadata comes from: one method."""

    def get(self, path: str) -> Any:
        """JSON of a GET request."""


class RemoteMetadata:
    """A running server."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        if not url.startswith(("http://", "https://")):
            raise IllegalArgumentError(f"--url must start with http:// or https://; got '{url}'.", argument="url")
        self._url = url.rstrip("/")
        self._timeout = timeout

    def get(self, path: str) -> Any:
        """JSON of a GET request.

        Raises
        ------
        H2OKError
            Nobody answers, or the answer is an error.
        """
        try:
            with urllib.request.urlopen(self._url + path, timeout=self._timeout) as answer:  # noqa: S310 - checked above
                return json.load(answer)
        except urllib.error.HTTPError as e:
            with e:
                text = e.read().decode("utf-8", "replace")
            try:
                text = json.loads(text)["msg"]
            except (ValueError, KeyError, TypeError):
                text = f"{e.code} {e.reason}"
            raise H2OKError(f"{self._url} refuses {path}: {text}") from e
        except (urllib.error.URLError, OSError) as e:
            reason = getattr(e, "reason", e)
            raise H2OKError(f"Nobody answers at {self._url}: {reason}. Give the address of a running node with --url.") from e


class LocalMetadata:
    """The extensions installed here, in a node of this process: no server is needed."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[LocalMetadata]:
        """Metadata while the context lasts."""
        from h2ok.capabilities.testing.client import Client
        from h2ok.capabilities.testing.local import local_runtime

        with local_runtime() as runtime:
            yield cls(Client.of(runtime))

    def get(self, path: str) -> Any:
        """JSON of a GET request. Raises H2OKError when the answer is an error."""
        answer = self._client.request("GET", path)
        body = answer.json
        if answer.status != 200:
            raise H2OKError(str(body.get("msg") if isinstance(body, Mapping) else body))
        return body


def describe_algorithm(metadata: Metadata, algo: str) -> dict[str, Any]:
    """The builder's own description: names, categories, parameters."""
    found: dict[str, Any] = metadata.get(f"/3/ModelBuilders/{quote(algo, safe='')}")["model_builders"][algo]
    return found


def class_stem(described: Mapping[str, Any]) -> str:
    """The word in the middle of class names: Knn of H2OKnnEstimator."""
    stem = str(described["__meta"]["schema_name"]).removesuffix("V3").removesuffix("V99")
    return "".join(c for c in stem if c.isalnum() or c == "_") or str(described["algo"]).title()
