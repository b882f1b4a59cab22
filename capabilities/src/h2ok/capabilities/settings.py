"""Settings of one h2ok process beside those of the kernel node; the command line and environment derive from these names."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version

from h2ok.kernel import __version__

__all__ = ["H2OK_VERSION", "H2O_VERSIONS", "TIME_ZONE_KEY", "Settings", "version_for_clients"]

#: The versions of H2O whose clients are supported, oldest first.
H2O_VERSIONS = ("3.46.0.11", "3.46.0.12")
#: Distributions that bring H2O's client.
_CLIENTS = ("h2o-client", "h2o")
H2OK_VERSION = __version__
#: Key of the time zone that times without one are read in; UTC when nothing is stored.
TIME_ZONE_KEY = "\x01setting.timezone"


def version_for_clients() -> str:
    """The H2O version to tell clients: that of the client installed beside this server, else that of the newest client.

    ``h2o.init()`` refuses a server whose version is not its own, letter by letter, and no request tells which one that is: its
    User-Agent names the version of Python. So it cannot be answered client by client.
    """
    for name in _CLIENTS:
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue
        if installed in H2O_VERSIONS:
            return installed
    return H2O_VERSIONS[-1]


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a runtime."""

    #: What clients compare with their own version (environment: H2OK_H2O_VERSION).
    h2o_version: str = field(default_factory=lambda: os.environ.get("H2OK_H2O_VERSION", "") or version_for_clients())
    #: Address the REST server listens on; empty for the node's own.
    web_ip: str = ""
    #: Allow a public address without authentication or TLS.
    insecure: bool = False
    #: Threads that answer REST requests.
    rest_threads: int = 16
    log_level: str = "INFO"
    #: Bytes of a form or JSON body; uploads are not bounded by it.
    max_form_bytes: int = 256 << 20
    #: Parameters of one request.
    max_form_fields: int = 10_000
    #: A listening socket for REST, when the port was taken before the node was made.
    rest_socket: socket.socket | None = field(default=None, repr=False, compare=False)

    def with_version(self, h2o_version: str) -> Settings:
        """The same settings with another H2O version for clients."""
        return replace(self, h2o_version=h2o_version)
