"""Ports: a REST port and the node port above it, taken in pairs."""

from __future__ import annotations

import errno
import ipaddress
import socket

from h2ok.kernel import H2OKError
from h2ok.kernel.errors import PortInUseError

__all__ = ["DEFAULT_BASE_PORT", "free_port", "is_loopback", "listen"]

DEFAULT_BASE_PORT = 54321
_BACKLOG = 256
_STEP = 2
_LAST = 65_534


def listen(ip: str, port: int) -> socket.socket:
    """A socket that listens on an address; ``port`` 0 lets the system choose.

    Raises
    ------
    PortInUseError
        Somebody else listens there, or the port is reserved.
    """
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((ip, port))
        sock.listen(_BACKLOG)
    except OverflowError as e:
        sock.close()
        raise PortInUseError(f"Port {port} is outside 1 to 65534. Choose another --port.", port=port) from e
    except OSError as e:
        sock.close()
        if e.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortInUseError(
                f"Cannot listen on {ip}:{port}: {e.strerror}. Choose another --port, or leave it out to take the next free one.",
                port=port,
            ) from e
        if e.errno == errno.EADDRNOTAVAIL:
            raise PortInUseError(f"Cannot listen on {ip}: this machine has no such address. Choose another --ip.", ip=ip) from e
        raise
    return sock


def free_port(ip: str, base: int = DEFAULT_BASE_PORT, web_ip: str = "") -> socket.socket:
    """A listening REST socket on the first port from ``base`` upwards in steps of two whose successor is free too.

    Raises
    ------
    PortInUseError
        No pair is free.
    """
    for port in range(base, _LAST, _STEP):
        try:
            listen(ip, port + 1).close()
            return listen(web_ip or ip, port)
        except PortInUseError as e:
            if "no such address" in e.message:
                raise
    raise PortInUseError(f"No two free ports in a row from {base} to {_LAST}. Choose another --base-port.", port=base)


def is_loopback(ip: str) -> bool:
    """Whether an address (or host name) is reached from this machine only.

    Raises
    ------
    H2OKError
        The name cannot be resolved.
    """
    try:
        return ipaddress.ip_address(ip.strip("[]")).is_loopback
    except ValueError:
        pass
    try:
        found = {i[4][0] for i in socket.getaddrinfo(ip, None)}
    except OSError as e:
        raise H2OKError(f"Cannot resolve '{ip}': {e.strerror}. Give an address of this machine.") from e
    return all(ipaddress.ip_address(str(a).split("%")[0]).is_loopback for a in found)
