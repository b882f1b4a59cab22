"""A few rounds of the fault schedule; ``python tests/faults/schedule.py --rounds 100`` runs many."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from .network import Network, namespaces_work
from .schedule import run


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_a_cloud_with_copies_survives_what_happens_to_it(tmp_path: Path) -> None:
    done, _ = run(rounds=4, seed=11, replicas=1, namespaces=False, folder=tmp_path)
    assert sum(done.seen.values()) >= 4


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_a_node_started_again_at_its_address_is_back_in_time_and_nothing_is_lost(tmp_path: Path) -> None:
    done, _ = run(
        rounds=3, seed=2, replicas=1, namespaces=False, folder=tmp_path, faults=("kill",), activities=("idle", "task", "parse"),
        same_address=True,
    )  # fmt: skip
    assert 0 < done.latest_return <= 10


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_the_first_process_of_a_supervised_cloud_may_be_killed(tmp_path: Path) -> None:
    done, _ = run(
        rounds=2, seed=3, replicas=1, namespaces=False, folder=tmp_path, activities=("idle", "task", "parse"), supervised=True
    )
    assert 0 < done.latest_return <= 10


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_without_copies_what_is_lost_is_named_in_time(tmp_path: Path) -> None:
    run(rounds=2, seed=5, replicas=0, namespaces=False, folder=tmp_path)


@pytest.mark.engine
@pytest.mark.timeout(300)
@pytest.mark.skipif(not namespaces_work(), reason="network namespaces need root and the program 'ip'")
def test_parts_of_a_cut_cloud_never_both_go_on(tmp_path: Path) -> None:
    run(rounds=2, seed=1, replicas=1, namespaces=True, folder=tmp_path)


@pytest.mark.skipif(not namespaces_work(), reason="network namespaces need root and the program 'ip'")
def test_a_node_that_goes_does_not_change_the_address_of_the_bridge() -> None:
    network = Network()
    network.open()
    try:
        first, _ = network.add(address="00:00:00:00:00:02")
        network.add(address="06:00:00:00:00:03")
        before = network.address()
        network.remove(first)
        removed = time.monotonic()
        while first in network.ports() and time.monotonic() < removed + 30:
            time.sleep(0.05)
        assert first not in network.ports()
        assert network.address() == before
    finally:
        for namespace in network.ports():
            network.remove(namespace)
        network.close()
