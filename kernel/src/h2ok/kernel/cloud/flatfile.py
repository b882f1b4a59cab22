"""Flatfile: the list of node addresses that a cloud is formed from."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from pathlib import Path

from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.errors import IllegalArgumentError

__all__ = ["DEFAULT_PORT", "parse_flatfile", "read_flatfile"]

DEFAULT_PORT = 54321
_LINE = re.compile(r"^(?:[^/\s]+/)?(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\s:\[\]/]+))(?::(?P<port>\d{1,5}))?$")


def read_flatfile(path: str) -> list[str]:
    """The entries of a flatfile on disk.

    Raises
    ------
    IllegalArgumentError
        The file cannot be read or names nobody (H2O only warns and forms a cloud of one, which surprises people).
    """
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise IllegalArgumentError(f"Cannot read the flatfile '{path}': {e}. One ip:port a line was expected.", path=path) from e
    entries = [t for t in (line.partition("#")[0].strip() for line in lines) if t]
    if not entries:
        raise IllegalArgumentError(f"The flatfile '{path}' names no node. One ip:port a line was expected.", path=path)
    return entries


def parse_flatfile(entries: Iterable[str]) -> list[H2ONode]:
    """Addresses of ``[name/]host[:port]`` entries, host names resolved; the node port is the REST port + 1.

    Raises
    ------
    IllegalArgumentError
        An entry has another form, or its host has no address.
    """
    nodes: dict[H2ONode, None] = {}
    for entry in entries:
        text = entry.partition("#")[0].strip()
        if not text:
            continue
        found = _LINE.match(text)
        port = int(found["port"] or DEFAULT_PORT) if found else 0
        if found is None or not 0 < port < 65535:
            raise IllegalArgumentError(f"Flatfile entry '{entry}' is not an address; host:port or [ipv6]:port was expected.")
        nodes[H2ONode(found["six"] or _resolve(found["host"]), port, port + 1)] = None
    return list(nodes)


def _resolve(host: str) -> str:
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as e:
        raise IllegalArgumentError(f"Flatfile host '{host}' has no address: {e}.", host=host) from e
