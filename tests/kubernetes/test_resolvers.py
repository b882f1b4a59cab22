"""SRV records of a headless service, asked of a name server on the loopback address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from h2ok.ext.kubernetes import resolvers
from h2ok.ext.kubernetes.lookup import find_pods
from h2ok.ext.kubernetes.resolvers import SrvResolver, pod_resolver
from h2ok.ext.kubernetes.settings import PodSettings
from h2ok.kernel import H2OKError

SERVICE = "h2o-service.default.svc.cluster.local."


class NameServer:
    """Answers questions over UDP from ``records``: {(name, type): texts}; ``glue`` sends addresses of targets along."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.glue = False
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def pods(self, *addresses: str) -> None:
        """Have the service stand for these, each with a name of its own."""
        targets = [f"{a.replace('.', '-').replace(':', '-')}.{SERVICE}" for a in addresses]
        self.records[SERVICE, "SRV"] = [f"0 33 80 {t}" for t in targets]
        for target, address in zip(targets, addresses, strict=True):
            self.records[target, "AAAA" if ":" in address else "A"] = [address]

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    def _run(self) -> None:
        while True:
            data, sender = self._socket.recvfrom(4096)
            if not data:
                return
            self._socket.sendto(self._answer(dns.message.from_wire(data)).to_wire(), sender)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        name, kind = str(query.question[0].name), dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked.append((name, kind))
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA | dns.flags.RA
        if (name, kind) in self.records:
            reply.answer.append(dns.rrset.from_text(name, 30, "IN", kind, *self.records[name, kind]))
            if self.glue and kind == "SRV":
                for (target, what), texts in self.records.items():
                    if what != "SRV":
                        reply.additional.append(dns.rrset.from_text(target, 30, "IN", what, *texts))
        elif not any(n == name for n, _ in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply


@pytest.fixture
def server() -> Iterator[NameServer]:
    made = NameServer()
    yield made
    made.close()


@pytest.mark.parametrize("glue", [False, True], ids=["asked-again", "sent-along"])
def test_the_targets_of_srv_records_are_the_pods(server: NameServer, glue: bool) -> None:
    server.glue = glue
    server.pods("10.1.0.3", "10.1.0.2", "fd00::7")
    assert SrvResolver(["127.0.0.1"], server.port)(SERVICE) == ["10.1.0.2", "10.1.0.3", "fd00::7"]
    assert server.asked[0] == (SERVICE, "SRV")
    assert (len(server.asked) == 1) == glue


def test_pods_are_found_as_their_records_appear(server: NameServer) -> None:
    resolver = SrvResolver(["127.0.0.1"], server.port)
    steps = iter([["10.1.0.2"], ["10.1.0.2", "10.1.0.3"], ["10.1.0.3", "10.1.0.4"]])
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        server.pods(*next(steps))

    found = find_pods(PodSettings(SERVICE, None, 3), resolver, lambda: now[0], sleep)
    assert (found, now[0]) == (["10.1.0.2", "10.1.0.3", "10.1.0.4"], 3.0)


def test_a_name_without_srv_records_stands_for_its_own_addresses(server: NameServer) -> None:
    server.records[SERVICE, "A"] = ["10.1.0.9", "10.1.0.8"]
    assert SrvResolver(["127.0.0.1"], server.port)(SERVICE) == ["10.1.0.8", "10.1.0.9"]


def test_a_pod_that_went_is_passed_over(server: NameServer) -> None:
    server.pods("10.1.0.2", "10.1.0.3")
    del server.records[f"10-1-0-2.{SERVICE}", "A"]
    assert SrvResolver(["127.0.0.1"], server.port)(SERVICE) == ["10.1.0.3"]


def test_an_unknown_name_is_told_as_such(server: NameServer) -> None:
    with pytest.raises(OSError, match="does not exist"):
        SrvResolver(["127.0.0.1"], server.port)(SERVICE)
    now = iter(range(100))
    with pytest.raises(H2OKError, match="does not exist"):
        find_pods(PodSettings(SERVICE, 3.0), SrvResolver(["127.0.0.1"], server.port), lambda: next(now), lambda _: None)


def test_what_dns_does_not_know_is_asked_of_the_system(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolvers, "SrvResolver", lambda: SrvResolver(["127.0.0.1"], server.port))
    assert "127.0.0.1" in pod_resolver("localhost")
    assert server.asked == [("localhost.", "SRV")]
    server.pods("10.1.0.2")
    assert pod_resolver(SERVICE) == ["10.1.0.2"]


def test_without_dnspython_the_addresses_of_the_name_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolvers.importlib.util, "find_spec", lambda name: None)
    assert "127.0.0.1" in pod_resolver("localhost")
