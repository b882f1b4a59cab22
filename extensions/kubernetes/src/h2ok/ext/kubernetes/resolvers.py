"""Resolvers: the addresses of the pods behind a service, by its SRV records or by its own addresses."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dns.resolver

__all__ = ["Resolver", "SrvResolver", "pod_resolver", "system_resolver"]

#: Addresses behind a name; OSError when the name is not known (yet).
Resolver = Callable[[str], Iterable[str]]
#: Seconds one question may take in all, all name servers together.
_SECONDS = 3.0


def system_resolver(name: str) -> list[str]:
    """The addresses the system's resolver knows: for a headless service one a pod."""
    return sorted({str(info[4][0]) for info in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})


class SrvResolver:
    """The addresses of the targets of a name's SRV records (RFC 2782), as H2O asks for them; of the name itself when it has none.

    The port of a record is not used, as in H2O: it is that of the service, and every node listens on the port it was started with.

    Parameters
    ----------
    nameservers, port : whom to ask; those of the system when there are none.

    Raises
    ------
    OSError
        The system names no name server.
    """

    def __init__(self, nameservers: Sequence[str] = (), port: int = 53) -> None:
        import dns.resolver

        try:
            self._resolver: dns.resolver.Resolver = dns.resolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration as e:
            raise OSError(str(e)) from e
        if nameservers:
            self._resolver.nameservers = list(nameservers)
            self._resolver.port = port
        self._resolver.lifetime = _SECONDS

    def __call__(self, name: str) -> list[str]:
        """Sorted addresses. Raises OSError when the name is not known, or nobody answers."""
        import dns.exception

        try:
            return self._addresses(name)
        except dns.exception.DNSException as e:
            raise OSError(str(e)) from e

    def _addresses(self, name: str) -> list[str]:
        import dns.resolver

        try:
            answer = self._resolver.resolve(name, "SRV")
        except dns.resolver.NoAnswer:
            return self._hosts(name)
        # Name servers usually send the addresses of the targets along.
        sent: dict[str, list[str]] = {}
        for records in answer.response.additional:
            sent.setdefault(str(records.name).lower(), []).extend(r.address for r in records if hasattr(r, "address"))
        found: set[str] = set()
        for record in answer:
            found.update(sent.get(str(record.target).lower()) or self._hosts(str(record.target)))
        return sorted(found)

    def _hosts(self, name: str) -> list[str]:
        import dns.resolver

        try:
            return sorted(self._resolver.resolve_name(name).addresses())
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            # A pod may go between its record and the question for its address.
            return []


def pod_resolver(name: str) -> list[str]:
    """The pods behind a service: by SRV records where dnspython is installed and DNS knows some, else as the system knows the name
    (from its file of hosts, for one).
    """
    found: list[str] = []
    if importlib.util.find_spec("dns") is not None:
        with contextlib.suppress(OSError):
            found = SrvResolver()(name)
    return found or system_resolver(name)
