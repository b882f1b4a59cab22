"""MulticastDiscovery: nodes of one network that tell each other their addresses."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence

from h2ok.capabilities.contracts.discovery import Discovery
from h2ok.kernel import H2OKError, IllegalArgumentError

__all__ = ["MulticastDiscovery", "group_of"]

#: Seconds between two announcements at first, and once the node has been there for a while.
_OFTEN, _SELDOM, _YOUNG = 0.5, 5.0, 30.0
_TTL = 2
_MAX_BYTES = 512
#: Addresses one node answers to at most: whoever floods the network must not fill the memory.
_MAX_KNOWN = 10_000
_FIRST_PORT, _PORTS = 57_600, 3_840


def group_of(cloud: str) -> tuple[str, int]:
    """The multicast group and port of a cloud, made of its name; in the range that stays within an organisation."""
    digest = hashlib.blake2b(cloud.encode(), digest_size=8).digest()
    port = _FIRST_PORT + int.from_bytes(digest[4:6], "big") % _PORTS
    return f"239.{digest[0]}.{digest[1]}.{max(1, digest[2])}", port


class MulticastDiscovery(Discovery):
    """``--discovery multicast[:GROUP:PORT]``: group and port are made of the cloud's name when they are not given."""

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    def resolve(self) -> list[str]:
        """Nobody before the node runs; the others are heard later."""
        self._group("")
        return []

    def watch(self, cloud: str, own: str, found: Callable[[Sequence[str]], None]) -> None:
        """Announce this node and listen to the others."""
        group = self._group(cloud)
        host = own.rpartition(":")[0]
        try:
            self._socket = _joined(group, host)
        except OSError as e:
            raise H2OKError(
                f"Cannot use multicast group {group[0]}:{group[1]} on the address {host}: {e}. "
                "Give an IPv4 address of an interface by --ip, or name the nodes by --flatfile."
            ) from e
        text = f"h2ok1 {hashlib.blake2b(cloud.encode(), digest_size=16).hexdigest()} "
        name = f"h2ok-{own.rpartition(':')[2]}-multicast"
        self._thread = threading.Thread(target=self._run, args=(self._socket, group, text, own, found), name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5.0)
        if self._socket is not None:
            self._socket.close()

    def _group(self, cloud: str) -> tuple[str, int]:
        if not self.argument:
            return group_of(cloud)
        group, _, port = self.argument.rpartition(":")
        try:
            if ipaddress.IPv4Address(group).is_multicast and 0 < int(port) < 65536:
                return group, int(port)
        except ValueError:
            pass
        raise IllegalArgumentError(
            f"--discovery multicast takes a multicast group and a port, such as multicast:239.1.2.3:57600; got '{self.argument}'.",
            argument="discovery",
        )

    def _run(
        self, sock: socket.socket, group: tuple[str, int], text: str, own: str, found: Callable[[Sequence[str]], None]
    ) -> None:
        began, announced, known = time.monotonic(), float("-inf"), {own}
        while not self._stop.is_set():
            now = time.monotonic()
            if now - announced >= (_OFTEN if now - began < _YOUNG else _SELDOM):
                announced = now
                _send(sock, group, text + own)
            try:
                heard = sock.recv(_MAX_BYTES).decode("ascii", "replace")
            except OSError:  # nothing for a moment, or an interface went away
                continue
            address = heard.removeprefix(text)
            if address in (heard, own) or not _is_address(address):
                continue
            if address not in known and len(known) < _MAX_KNOWN:
                known.add(address)
                found([address])
                announced = float("-inf")  # a newcomer shall not wait
            elif now - announced >= _OFTEN:
                # Nor shall one that was started again, which knows nobody. All announce at once then, no more often than before.
                announced = float("-inf")


def _joined(group: tuple[str, int], host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(group)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(host))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _TTL)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        member = struct.pack("4s4s", socket.inet_aton(group[0]), socket.inet_aton(host))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        sock.settimeout(0.25)
    except OSError:
        sock.close()
        raise
    return sock


def _send(sock: socket.socket, group: tuple[str, int], text: str) -> None:
    try:
        sock.sendto(text.encode(), group)
    except OSError:  # the network is down for now
        time.sleep(0.1)


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    try:
        return bool(ipaddress.IPv4Address(host)) and 0 < int(port) < 65536
    except ValueError:
        return False
