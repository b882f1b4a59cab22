"""Pods that find each other through DNS, and the probe that tells which one leads."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from h2ok.capabilities.testing.cloud import DiscoveryContract
from h2ok.capabilities.testing.server import ServerProcess
from h2ok.ext.kubernetes.core import KubernetesCore
from h2ok.ext.kubernetes.extension import extension as declared
from h2ok.ext.kubernetes.lookup import KubernetesDiscovery, find_pods
from h2ok.ext.kubernetes.probe import LeaderProbe
from h2ok.ext.kubernetes.settings import PodSettings
from h2ok.kernel import H2OKError, IllegalArgumentError
from h2ok.kernel.testing import free_ports, no_new_threads


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("H2O")]:
        monkeypatch.delenv(name)


class TestDiscovery(DiscoveryContract):
    """The contract, with the machine's own name for itself."""

    extension, discovery = declared, "kubernetes"
    refused: ClassVar = [""]

    @pytest.fixture(autouse=True)
    def _names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("H2O_NODE_EXPECTED_COUNT", "2")
        monkeypatch.setattr(KubernetesDiscovery, "resolver", staticmethod(lambda name: ["10.0.0.2", "fd00::1"]))

    def cases(self, folder: Path) -> dict[str, list[str]]:
        return {"pods": ["10.0.0.2:54321", "[fd00::1]:54321"], "pods:7000": ["10.0.0.2:7000", "[fd00::1]:7000"]}


class Clock:
    """Time that only passes while someone sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def pods_after(settings: PodSettings, answers: list[Any]) -> tuple[list[str], float]:
    """What is found, and when, by a resolver whose answers change."""
    clock, left = Clock(), iter([*answers, *[answers[-1]] * 1000])

    def resolver(name: str) -> list[str]:
        assert name == "svc"
        found = next(left)
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]

    return find_pods(settings, resolver, clock, clock.sleep), clock.now


def test_pods_are_awaited_until_there_are_enough() -> None:
    answers = [OSError("no such name"), ["10.0.0.3"], ["10.0.0.2", "10.0.0.3"], ["10.0.0.1"], ["10.0.0.9"]]
    assert pods_after(PodSettings("svc", None, 3), answers) == (["10.0.0.1", "10.0.0.2", "10.0.0.3"], 3.0)
    assert pods_after(PodSettings("svc", 2.0, 9), answers) == (["10.0.0.2", "10.0.0.3"], 2.0)
    assert pods_after(PodSettings("svc"), [["10.0.0.3"]]) == (["10.0.0.3"], 180.0)


def test_a_service_without_pods_is_told_with_what_to_do() -> None:
    with pytest.raises(H2OKError, match=r"no pod behind 'svc' within 5 s \(gone\).*clusterIP: None"):
        pods_after(PodSettings("svc", 5.0), [OSError("gone")])


def test_settings_come_from_the_variables_of_h2o() -> None:
    assert PodSettings.of({}) == PodSettings()
    given = {"H2O_KUBERNETES_SERVICE_DNS": "s", "H2O_NODE_EXPECTED_COUNT": "3", "H2O_KUBERNETES_API_PORT": "9000"}
    assert PodSettings.of(given) == PodSettings("s", None, 3, 9000)
    assert PodSettings.of({"H2O_NODE_LOOKUP_TIMEOUT": "20"}).seconds == 20
    for name, value in (
        ("H2O_NODE_LOOKUP_TIMEOUT", "soon"),
        ("H2O_NODE_EXPECTED_COUNT", "0"),
        ("H2O_KUBERNETES_API_PORT", "70000"),
    ):
        with pytest.raises(IllegalArgumentError, match=name):
            PodSettings.of({name: value})


def status(port: int, path: str = "/kubernetes/isLeaderNode") -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as e:
        with e:
            return e.code


@pytest.fixture
def probe() -> Iterator[LeaderProbe]:
    with no_new_threads():
        made = LeaderProbe(0, "127.0.0.1")
        yield made
        made.close()


def test_all_pods_are_ready_until_it_is_known_who_leads(probe: LeaderProbe) -> None:
    assert (status(probe.port), status(probe.port, "/other")) == (200, 404)
    cloud = SimpleNamespace(me="b", members=("b", "c"), consensus=False, failure="", waits=False)
    probe.follow(SimpleNamespace(cloud=cloud))  # type: ignore[arg-type]
    for consensus, members, failure, wanted in (
        (False, ("a", "b"), "", 200),
        (True, ("a", "b"), "", 404),
        (True, ("b", "c"), "", 200),
        (True, ("b", "c"), "cut off", 404),
    ):
        cloud.consensus, cloud.members, cloud.failure = consensus, members, failure
        assert status(probe.port) == wanted
    # A pod that was started again and has no share yet, alone in its own view.
    cloud.consensus, cloud.members, cloud.failure, cloud.waits = False, ("b",), "", True
    assert status(probe.port) == 404


def test_a_taken_port_is_told(probe: LeaderProbe) -> None:
    with pytest.raises(H2OKError, match="H2O_KUBERNETES_API_PORT"):
        LeaderProbe(probe.port, "127.0.0.1")


def test_outside_of_a_pod_nothing_happens() -> None:
    core, args = KubernetesCore(), SimpleNamespace(flatfile="", discovery="", nodes=1, port=0)
    core.validate_arguments(args)  # type: ignore[arg-type]
    assert (core.probe, args.discovery) == (None, "")


@pytest.mark.engine
def test_a_pod_starts_and_answers_the_probe(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    pod = {"H2O_KUBERNETES_SERVICE_DNS": "localhost", "H2O_NODE_EXPECTED_COUNT": "1", "H2O_KUBERNETES_API_PORT": str(port)}
    server = ServerProcess(tmp_path, environment=pod)
    try:
        assert status(port) == 200
        assert any("Found pod" in line for line in server.log)
    finally:
        assert server.stop() == 0
