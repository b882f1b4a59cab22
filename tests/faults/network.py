"""Network: network namespaces on one bridge, whose links can be cut. Needs root."""

from __future__ import annotations

import os
import shutil
import subprocess

__all__ = ["Network", "cut_link", "mend_link", "namespaces_work"]

#: Of the bridge, for good: a bridge without an address of its own takes the lowest of its ports', and another one when that port
#: goes. The neighbours would go on sending to the old one, for up to a minute.
_BRIDGE_ADDRESS = "02:00:00:00:00:01"


class Network:
    """A bridge, its address for the tests ``<subnet>.1``, and a namespace for each node."""

    def __init__(self) -> None:
        pid = os.getpid()
        self.name = f"{pid % 0x10000:04x}"
        self.bridge = f"b{self.name}"
        self.subnet = f"10.{200 + pid % 50}.{pid // 50 % 250}"
        self._count = 0

    def open(self) -> None:
        """Make the bridge."""
        _ip("link", "add", self.bridge, "address", _BRIDGE_ADDRESS, "type", "bridge")
        _ip("link", "set", self.bridge, "up")
        _ip("addr", "add", f"{self.subnet}.1/24", "dev", self.bridge)

    def close(self) -> None:
        """Take the bridge away; the namespaces have been removed."""
        _ip("link", "del", self.bridge, check=False)

    def add(self, address: str = "") -> tuple[str, str]:
        """(name, IP address) of a new namespace; ``address``: of the port of the bridge that leads to it."""
        self._count += 1
        namespace, ip = f"{self.name}x{self._count}", f"{self.subnet}.{self._count + 1}"
        _ip("netns", "add", namespace)
        own = ["address", address] if address else []
        _ip("link", "add", f"h{namespace}", *own, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip("link", "set", f"h{namespace}", "master", self.bridge, "up")
        for command in (["link", "set", "lo", "up"], ["addr", "add", f"{ip}/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            _ip("-n", namespace, *command)
        return namespace, ip

    def remove(self, namespace: str) -> None:
        """Take a namespace away; it goes when its last process has ended."""
        _ip("netns", "del", namespace, check=False)

    def address(self) -> str:
        """The link address of the bridge."""
        return _shown("dev", self.bridge).split("link/ether ")[1].split()[0]

    def ports(self) -> list[str]:
        """The namespaces that the bridge still leads to."""
        return [line.split(": h")[1].split("@")[0] for line in _shown("master", self.bridge).splitlines()]


def cut_link(namespace: str) -> None:
    """Lose all that is sent to and from a namespace."""
    _ip("link", "set", f"h{namespace}", "down")


def mend_link(namespace: str) -> None:
    """Undo ``cut_link``."""
    _ip("link", "set", f"h{namespace}", "up")


def namespaces_work() -> bool:
    """Whether this process may make network namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"t{os.getpid()}"
    made = _ip("netns", "add", name, check=False)
    _ip("netns", "del", name, check=False)
    return made


def _shown(*what: str) -> str:
    found = subprocess.run(["ip", "-o", "link", "show", *what], capture_output=True, text=True, timeout=20, check=True)
    return found.stdout


def _ip(*arguments: str, check: bool = True) -> bool:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20, check=False)
    if check and done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr}")
    return done.returncode == 0
