"""Runs over blocks that arrive with their data: on any number of nodes, with failures, cancels and losses."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from h2ok.kernel import IllegalArgumentError, JobCancelledError, Node, StateLostError
from h2ok.kernel.testing import assert_no_keys, local_cloud, no_new_threads
from h2ok.kernel.transport.inproc import InprocHub

from .sample_tasks import FeedTask, Gate

BLOCKS = [np.arange(float(i), float(i) + 5) for i in range(40)]
TOTAL = float(sum(b.sum() for b in BLOCKS))


@pytest.fixture
def cloud() -> Iterator[list[Node]]:
    with no_new_threads(), local_cloud(3) as nodes:
        yield nodes


def mapped(node: Node, task: FeedTask, n: int) -> Any:
    return node.tasks.run(task, (), np.arange(n + 1, dtype=np.int64)).value


@pytest.mark.parametrize("n_nodes", [1, 3])
def test_every_node_works_and_later_tasks_find_what_was_stashed(n_nodes: int) -> None:
    with no_new_threads(), local_cloud(n_nodes) as nodes:
        task = FeedTask("s/1")
        n, (total, labels) = nodes[0].tasks.feed(task, iter(BLOCKS))
        assert (n, total) == (len(BLOCKS), TOTAL)
        assert set(labels.values()) == {m.label for m in nodes}
        found, where = mapped(nodes[0], task, n)
        assert found == TOTAL
        assert where == labels
        nodes[0].tasks.free_state(task.session)
        assert all(m.tasks.states.stashed == [] for m in nodes)
        assert_no_keys(nodes)


def test_nothing_fed_is_nothing(cloud: list[Node]) -> None:
    assert cloud[0].tasks.feed(FeedTask("s/2"), iter(())) == (0, None)


@pytest.mark.parametrize("at", [0, 1, 2, 39])
def test_a_refused_block_stops_the_feeding_with_its_error(cloud: list[Node], at: int) -> None:
    blocks = [b + (1e7 if i == at else 0) for i, b in enumerate(BLOCKS)]
    with pytest.raises(IllegalArgumentError, match=f"block {at} refused"):
        cloud[0].tasks.feed(FeedTask("s/3"), iter(blocks))


def test_an_error_of_what_brings_the_blocks_is_told(cloud: list[Node]) -> None:
    def broken() -> Iterator[Any]:
        yield from BLOCKS[:7]
        raise OSError("cut short")

    with pytest.raises(OSError, match="cut short"):
        cloud[0].tasks.feed(FeedTask("s/4"), broken())
    cloud[0].tasks.free_state("s/4")
    assert all(m.tasks.states.stashed == [] for m in cloud)


def test_cancelling_stops_before_the_next_block(cloud: list[Node]) -> None:
    taken: list[int] = []

    def endless() -> Iterator[Any]:
        while True:
            taken.append(1)
            yield BLOCKS[0]

    with pytest.raises(JobCancelledError):
        cloud[0].tasks.feed(FeedTask("s/5"), endless(), lambda: len(taken) > 20)
    assert len(taken) == 21
    cloud[0].tasks.free_state("s/5")


def test_no_more_is_taken_than_nodes_have_room_for(cloud: list[Node]) -> None:
    gate, taken = Gate("room"), []

    def watched() -> Iterator[Any]:
        for i in range(200):
            taken.append(i)
            yield np.array([-1.0])

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(cloud[0].tasks.feed, FeedTask("s/6", "room"), watched())
        assert gate.entered.wait(30)
        bound = sum(m.tasks.nthreads + 2 for m in cloud) + 1
        assert len(taken) <= bound
        gate.open.set()
        assert future.result(60)[0] == 200
    cloud[0].tasks.free_state("s/6")


@pytest.mark.parametrize("when", ["while fed", "between tasks"])
def test_a_lost_node_takes_along_what_it_kept(when: str) -> None:
    hub = InprocHub()
    with local_cloud(3, hub=hub) as nodes:
        gate = Gate("feed lost")
        blocks = [np.array([-1.0])] * 6 if when == "while fed" else BLOCKS
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(nodes[0].tasks.feed, FeedTask("s/7", "feed lost"), iter(blocks))
            if when == "while fed":
                assert gate.entered.wait(30)
                hub.kill(nodes[2].cloud.me)
                gate.open.set()
                with pytest.raises(StateLostError, match=r"127\.0\.0\.1:54325"):
                    future.result(60)
                return
            n, _ = future.result(60)
        hub.kill(nodes[2].cloud.me)
        with pytest.raises(StateLostError, match=r"127\.0\.0\.1:54325"):
            mapped(nodes[0], FeedTask("s/7"), n)
