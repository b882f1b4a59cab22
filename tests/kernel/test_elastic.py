"""Clouds that grow and shrink while they hold data."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from h2ok.kernel import Frame, Node, NodeConfig
from h2ok.kernel.boot import start_node
from h2ok.kernel.errors import CloudTimeoutError
from h2ok.kernel.testing import assert_no_keys, free_ports, no_new_threads

from .sample_tasks import Add, SumTask


def started(port: int, others: list[int], replicas: int) -> Node:
    return start_node(NodeConfig("t", port=port, nthreads=1, replicas=replicas, elastic=True), [f"127.0.0.1:{q}" for q in others])


@contextlib.contextmanager
def clouds(replicas: int) -> Iterator[tuple[list[Node], int]]:
    """Three nodes that are a cloud, and a port for a fourth."""
    *ports, spare = free_ports(4)
    with no_new_threads():
        nodes = [started(p, ports, replicas) for p in ports]
        try:
            for node in nodes:
                node.cloud.wait_for_size(3, 30)
            yield nodes, spare
        finally:
            for node in nodes:
                node.close()


def settled(nodes: list[Node], size: int) -> None:
    """Wait until all nodes have the full placement of ``size`` members."""
    copies = 1 + min(nodes[0].cloud.replicas, size - 1)

    def reached(node: Node) -> bool:
        p = node.cloud.placement
        return node.cloud.size == size == len(set(p.primaries)) and p.holders.shape[1] == copies and not p.incoming.size

    assert all(n.cloud.wait_until(partial(reached, n), 30) for n in nodes)


def chunks_held(nodes: list[Node], frame: Frame) -> list[int]:
    keys = [k for v in frame.vecs for k in v.chunk_keys()]
    return [sum(n.cloud.home(k) == n.cloud.me for k in keys) for n in nodes]


@pytest.mark.parametrize("replicas", [0, 1])
def test_a_node_joins_a_locked_cloud_and_another_leaves(replicas: int) -> None:
    with clouds(replicas) as (nodes, spare):
        frame = nodes[0].frames.from_columns("f", {"x": np.random.default_rng(0).normal(size=1_000_000)}, chunk_rows=5000)
        total = nodes[1].tasks.do_all(SumTask(), frame).value
        values = frame.vecs[0].to_numpy(nodes[0])
        stop, wrong, rounds = threading.Event(), [], [0]

        def work() -> None:
            while not stop.is_set():
                if nodes[1].tasks.do_all(SumTask(), frame).value != total:
                    wrong.append(1)
                nodes[1].dkv.atomic("rounds", Add(1))
                rounds[0] += 1

        worker = threading.Thread(target=work)
        worker.start()
        late = started(spare, [nodes[2].cloud.me.port], replicas)
        nodes.append(late)
        try:
            settled(nodes, 4)
            share = chunks_held(nodes, frame)
            assert sum(share) == 200
            assert max(share) <= 1.2 * 50
            assert min(share) >= 50 / 1.2
            assert late.frames.get("f").vecs[0].to_numpy(late).tobytes() == values.tobytes()
            assert late.tasks.do_all(SumTask(), frame).value == total
            first = nodes[0]
            first.leave(30)
            first.close()
            left = nodes[1:]
            settled(left, 3)
            assert all(n.cloud.healthy for n in left)
            share = chunks_held(left, frame)
            assert sum(share) == 200
            assert max(share) <= 1.2 * 200 / 3
            assert [n.tasks.do_all(SumTask(), frame).value for n in left] == [total] * 3
            stop.set()
            worker.join(30)
            assert not wrong
            assert left[2].dkv.get("rounds") == rounds[0]
            left[0].frames.remove("f")
            left[0].dkv.remove("rounds")
            assert_no_keys(left)
        finally:
            stop.set()
            worker.join(30)


def test_the_last_node_cannot_leave_and_says_why() -> None:
    with no_new_threads():
        node = started(free_ports(1)[0], [], 1)
        try:
            node.dkv.put("k", 1)
            with pytest.raises(CloudTimeoutError, match="no other node takes it"):
                node.leave(1)
        finally:
            node.close()


def test_a_single_node_with_data_takes_a_second_one() -> None:
    with no_new_threads():
        a, b = free_ports(2)
        nodes = [started(a, [], 1)]
        try:
            nodes[0].dkv.put_many({f"k{i}": i for i in range(100)})
            nodes.append(started(b, [a], 1))
            settled(nodes, 2)
            assert nodes[1].dkv.get_many([f"k{i}" for i in range(100)]) == {f"k{i}": i for i in range(100)}
            assert {n.cloud.locked for n in nodes} == {True}
            nodes[0].close()
            assert nodes[1].cloud.wait_until(lambda: nodes[1].cloud.size == 1, 30)
            assert len(nodes[1].dkv.keys()) == 100
        finally:
            for n in nodes:
                n.close()
