"""Nodes that find each other by multicast, on the loopback address."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from h2ok.capabilities import multicast
from h2ok.capabilities.hosts import extension as hosts
from h2ok.capabilities.multicast import MulticastDiscovery, group_of
from h2ok.capabilities.testing.cloud import DiscoveryContract
from h2ok.kernel import H2OKError, NodeConfig
from h2ok.kernel.boot import start_node
from h2ok.kernel.testing import free_ports, no_new_threads


class TestMulticast(DiscoveryContract):
    """The contract."""

    extension, discovery = hosts, "multicast"
    refused: ClassVar = ["239.1.1.1", "10.0.0.1:5000", "239.1.1.1:x", "239.1.1.1:0"]

    def cases(self, folder: Path) -> dict[str, list[str]]:
        return {"": [], "239.1.2.3:22990": []}


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_nodes_of_one_name_become_one_cloud() -> None:
    ports = free_ports(4)
    group = f"239.77.1.2:{free_ports(1)[0]}"
    with no_new_threads():
        nodes = [start_node(NodeConfig("other" if i == 3 else "one", port=p, nthreads=1)) for i, p in enumerate(ports)]
        found = [MulticastDiscovery(group) for _ in nodes]
        try:
            for node, discovery in zip(nodes, found, strict=True):
                discovery.watch(node.config.name, node.cloud.me.name, node.cloud.meet)
            for node in nodes[:3]:
                node.cloud.wait_for_size(3, 30)
            assert nodes[3].cloud.size == 1
            nodes[0].dkv.put("k", 1)
            assert nodes[2].dkv.get("k") == 1
        finally:
            for discovery in found:
                discovery.close()
            for node in nodes:
                node.close()


def test_one_that_is_started_again_hears_the_others_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first one announces itself often for half a second, and then not again in this test unless somebody asks.
    for name, value in (("_OFTEN", 0.1), ("_YOUNG", 0.5), ("_SELDOM", 600.0)):
        monkeypatch.setattr(multicast, name, value)
    port = free_ports(1)[0]
    with no_new_threads():
        first, again = MulticastDiscovery(f"239.77.1.4:{port}"), MulticastDiscovery(f"239.77.1.4:{port}")
        known: list[str] = []
        first.watch("c", "127.0.0.1:5000", known.extend)
        began = time.monotonic()
        try:
            for _ in range(2):
                heard: list[str] = []
                assert until(lambda: time.monotonic() - began > 0.8)
                again.watch("c", "127.0.0.1:5002", heard.extend)
                assert until(lambda heard=heard: heard == ["127.0.0.1:5000"])
                again.close()
                again = MulticastDiscovery(f"239.77.1.4:{port}")
            assert known == ["127.0.0.1:5002"]
        finally:
            first.close()
            again.close()


def test_rubbish_is_passed_over() -> None:
    port, heard = free_ports(1)[0], []
    discovery = MulticastDiscovery(f"239.77.1.3:{port}")
    with no_new_threads(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        discovery.watch("c", "127.0.0.1:5000", heard.extend)
        second = MulticastDiscovery(f"239.77.1.3:{port}")
        try:
            for text in (b"", b"\xff" * 2000, b"h2ok1 x 127.0.0.1:1", b"h2ok1 " + b"0" * 32 + b" 127.0.0.1:99999"):
                sock.sendto(text, ("239.77.1.3", port))
            second.watch("c", "127.0.0.1:5002", lambda a: None)
            assert until(lambda: heard == ["127.0.0.1:5002"]), heard
        finally:
            discovery.close()
            second.close()


def test_the_group_is_made_of_the_name() -> None:
    assert group_of("a") == group_of("a") != group_of("b")
    assert all(group_of(str(i))[0].startswith("239.") and 57_600 <= group_of(str(i))[1] < 61_440 for i in range(100))


def test_an_address_without_multicast_is_told() -> None:
    discovery = MulticastDiscovery()
    with pytest.raises(H2OKError, match="Cannot use multicast group"):
        discovery.watch("c", "203.0.113.7:54321", lambda a: None)
    discovery.close()
