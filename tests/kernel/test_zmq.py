"""The ZeroMQ transport and real clouds: calls, errors, deadlines, rubbish on the wire, killed processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import zmq
from h2ok.kernel import (
    CloudLockedError,
    H2OKError,
    KeyNotFoundError,
    Node,
    NodeConfig,
    NodeLostError,
    RemoteError,
)
from h2ok.kernel.boot import start_node
from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.errors import CloudTimeoutError, IllegalArgumentError, PortInUseError
from h2ok.kernel.testing import free_ports, no_new_threads, process_cloud
from h2ok.kernel.transport.message import REQUEST, WIRE_VERSION, Header
from h2ok.kernel.transport.zmq import ZmqTransport
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .pairs import Pair
from .sample_tasks import Gate, GateTask, SumTask


class ServicePair(Pair):
    """Both serve a few things."""

    def serve(self, name: str, payload: Any) -> Any:
        if name == "echo":
            return payload
        if name == "back" and payload > 0:
            to, via = (self.at_a, self.b) if payload % 2 else (self.at_b, self.a)
            return 1 + via.submit(to, "back", payload - 1, 20).result()
        if name == "missing":
            raise KeyNotFoundError("no such key", key="k", odd=object())
        if name == "bug":
            return 1 // payload
        if name == "hold":
            self.release.wait(20)
        return 0

    def ask(self, name: str, payload: Any, timeout: float = 20.0) -> Any:
        return self.a.submit(self.at_b, name, payload, timeout).result(30)


@pytest.fixture
def pair() -> Iterator[ServicePair]:
    with ServicePair.running() as made:
        yield made


def header(kind: int, number: int, service: str) -> bytes:
    """Of a message on the wire."""
    return msgspec.msgpack.encode(Header(WIRE_VERSION, kind, number, service, 20.0))


@contextmanager
def raw_dealer(pair: ServicePair) -> Iterator[Any]:
    """A socket that sends to ``b`` whatever it is told."""
    context: zmq.Context[Any] = zmq.Context()
    with context.socket(zmq.DEALER) as socket:
        socket.linger = 200
        socket.connect(f"tcp://127.0.0.1:{pair.b.port}")
        yield socket
    context.term()


def test_values_and_arrays_make_the_round_trip(pair: ServicePair) -> None:
    value = (1, "x", None, 2.5, [3], {"k": (4,)}, 2**70)
    assert pair.ask("echo", value) == value
    for n in (0, 1, 1000, 300_000):
        got = pair.ask("echo", np.arange(n, dtype=np.int32))
        np.testing.assert_array_equal(got, np.arange(n))
        assert got.flags.writeable
        assert got.flags.aligned


def test_long_arrays_and_texts_arrive_whole(pair: ServicePair) -> None:
    assert pair.ask("echo", 1) == 1
    long = np.arange(5 << 20)
    value = {"a": long, "text": "x" * (9 << 20), "b": long[: 1 << 20], "small": np.arange(3), "none": long[:0]}
    for ask in (pair.a.submit, pair.a.ask):
        got = ask(pair.at_b, "echo", value, 20).result(30)
        assert got["text"] == value["text"]
        for name in ("a", "b", "small", "none"):
            np.testing.assert_array_equal(got[name], value[name])
            assert got[name].flags.writeable
            assert got[name].flags.aligned


def test_a_frame_beyond_the_limit_closes_its_connection() -> None:
    with ServicePair.running(max_frame=1 << 20) as pair:
        with raw_dealer(pair) as socket, socket.get_monitor_socket(zmq.Event.DISCONNECTED) as monitor:
            socket.send_multipart([header(REQUEST, 1, "echo"), bytes((1 << 20) + 1)])
            assert monitor.poll(20_000)
            socket.disable_monitor()
        assert pair.ask("echo", 7) == 7


def test_calls_nest_across_nodes_without_deadlock(pair: ServicePair) -> None:
    assert pair.ask("back", 40) == 40


def test_many_calls_at_once(pair: ServicePair) -> None:
    futures = [pair.a.submit(pair.at_b, "echo", i, 20) for i in range(2000)]
    assert [f.result(30) for f in futures] == list(range(2000))


def test_errors_come_back_as_what_they_were(pair: ServicePair) -> None:
    with pytest.raises(KeyNotFoundError, match="no such key") as caught:
        pair.ask("missing", None)
    assert caught.value.values["key"] == "k"
    with pytest.raises(RemoteError, match="node-b failed: ZeroDivisionError"):
        pair.ask("bug", 0)


def test_a_deadline_ends_the_call_and_names_the_node(pair: ServicePair) -> None:
    with pytest.raises(NodeLostError, match=r"127\.0\.0\.1:2 did not answer 'hold' within 0\.1 s"):
        pair.ask("hold", None, 0.1)


def test_an_unreachable_node_ends_at_the_deadline(pair: ServicePair) -> None:
    nobody = H2ONode("127.0.0.1", 3, free_ports(1)[0])
    for _ in range(3):
        with pytest.raises(NodeLostError, match="did not answer"):
            pair.a.submit(nobody, "echo", 1, 0.1).result(10)


def test_a_call_outlives_an_earlier_deadline_of_a_peer_that_is_not_up_yet(pair: ServicePair) -> None:
    late = H2ONode("127.0.0.1", 3, free_ports(1)[0])
    waiting = pair.a.submit(late, "echo", 7, 20)
    with pytest.raises(NodeLostError, match="did not answer"):
        pair.a.submit(late, "echo", 1, 0.1).result(10)
    other = ZmqTransport("127.0.0.1", late.node_port)
    other.start(pair.serve)
    try:
        assert waiting.result(10) == 7
    finally:
        other.close()


def test_no_call_is_forgotten_when_a_peer_is_dropped(pair: ServicePair) -> None:
    stop = threading.Event()

    def drop() -> None:
        while not stop.wait(0.001):
            pair.a.drop_peer(pair.at_b, "a test")

    dropper = threading.Thread(target=drop)
    dropper.start()
    try:
        for i in range(3000):
            try:
                answer = pair.ask("echo", i, 20)
            except NodeLostError as e:
                answer = str(e)
            assert answer == i or "a test" in str(answer)
    finally:
        stop.set()
        dropper.join()


def test_open_calls_end_when_the_peer_closes(pair: ServicePair) -> None:
    refused = threading.Event()
    pair.a.on_refused = lambda node: refused.set()
    future = pair.a.submit(pair.at_b, "hold", None, 60)
    assert pair.ask("echo", 1) == 1
    threading.Thread(target=pair.b.close).start()
    with pytest.raises(NodeLostError, match="connection was closed"):
        future.result(10)
    assert refused.wait(10)
    pair.release.set()


def test_open_calls_end_when_this_side_closes(pair: ServicePair) -> None:
    future = pair.a.submit(pair.at_b, "hold", None, 60)
    pair.a.close()
    with pytest.raises(NodeLostError):
        future.result(10)


def test_a_taken_port_is_a_readable_error(pair: ServicePair) -> None:
    with pytest.raises(PortInUseError, match="--port"):
        ZmqTransport("127.0.0.1", pair.b.port)


def test_nodes_with_the_same_secret_talk_and_others_do_not() -> None:
    with ServicePair.running("s3cret") as made:
        assert made.ask("echo", 5) == 5
        for secret in ("", "other"):
            stranger = ZmqTransport("127.0.0.1", 0, secret=secret)
            stranger.start(lambda name, payload: None)
            with pytest.raises(NodeLostError):
                stranger.submit(made.at_b, "echo", 1, 0.3).result(10)
            stranger.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(st.binary(max_size=60), min_size=1, max_size=5))
def test_rubbish_on_the_wire_is_dropped(pair: ServicePair, frames: list[bytes]) -> None:
    with raw_dealer(pair) as socket:
        socket.send_multipart(frames)
        # A header that is right, with a body that is not.
        socket.send_multipart([header(REQUEST, 1, "echo"), *frames])
    assert pair.ask("echo", 7) == 7


# -- clouds over ZeroMQ, in this process ------------------------------------------------------------------------------


@pytest.fixture
def cloud() -> Iterator[list[Node]]:
    ports = free_ports(3)
    with no_new_threads():
        nodes = [start_node(NodeConfig("t", port=p, nthreads=1), [f"127.0.0.1:{q}" for q in ports]) for p in ports]
        for node in nodes:
            node.cloud.wait_for_size(3, 30)
        yield nodes
        for node in nodes:
            node.close()


def test_a_cloud_forms_in_the_order_of_ports_and_works(cloud: list[Node]) -> None:
    assert len({n.cloud.members for n in cloud}) == 1
    assert [n.cloud.self_index for n in cloud] == [0, 1, 2]
    assert not any(n.cloud.locked for n in cloud)
    frame = cloud[1].frames.from_columns("f", {"x": np.arange(10_000.0)}, chunk_rows=100)
    assert all(n.cloud.locked for n in cloud)
    assert [n.tasks.do_all(SumTask(), frame).value for n in cloud] == [49_995_000.0] * 3
    infos = cloud[0].cloud.member_infos()
    assert [i.node for i in infos] == list(cloud[0].cloud.members)
    assert all(i.healthy and i.stats.pid and i.stats.max_mem > i.stats.free_mem > 0 for i in infos)


def test_a_node_receives_while_it_works_for_another(cloud: list[Node]) -> None:
    frame = cloud[0].frames.from_columns("f", {"x": np.arange(9.0)}, chunk_rows=1)
    gate = Gate("works")
    try:
        future = cloud[0].tasks.dfork(GateTask("works"), frame)
        end = time.monotonic() + 10
        while len(gate.nodes) < 3 and time.monotonic() < end:
            time.sleep(0.001)
        assert [cloud[0].rpc.call(i, "task.done", "another run", 10) for i in (1, 2)] == [0, 0]
    finally:
        gate.open.set()
    assert future.result(30).value == 9


def test_a_late_joiner_is_refused_at_once(cloud: list[Node]) -> None:
    cloud[0].dkv.put("k", 1)
    late = start_node(NodeConfig("t", port=free_ports(1)[0], nthreads=1), [f"127.0.0.1:{cloud[1].cloud.me.port}"])
    try:
        began = time.monotonic()
        with pytest.raises(CloudLockedError, match="is locked"):
            late.cloud.wait_for_size(2, 30)
        assert time.monotonic() - began < 5
        with pytest.raises(H2OKError):
            late.dkv.put("k", 2)
    finally:
        late.close()
    assert all(n.dkv.get("k") == 1 for n in cloud)


def test_a_closed_member_is_noticed_and_named(cloud: list[Node]) -> None:
    cloud[0].dkv.put_many({f"k{i}": i for i in range(20)})
    cloud[2].close()
    name = cloud[2].cloud.me.name
    for node in cloud[:2]:
        of = node.cloud
        assert of.wait_until(partial(of.is_lost, 2), 10)
        assert not node.cloud.healthy
        assert node.cloud.size == 3
    keys = [f"k{i}" for i in range(20)]
    held = cloud[0].dkv.get_many(keys)
    assert {v for v in held.values() if v is not None} < set(range(20))
    with pytest.raises(KeyNotFoundError, match=name):
        cloud[0].dkv.require(next(k for k in keys if held[k] is None))


def test_waiting_for_too_many_nodes_says_who_is_there() -> None:
    with no_new_threads():
        port = free_ports(1)[0]
        node = start_node(NodeConfig("t", port=port, nthreads=1), [f"127.0.0.1:{port}"])
        try:
            node.cloud.wait_for_size(1, 1)
            with pytest.raises(CloudTimeoutError, match=f"1 of 2 nodes after 0.2 s: 127.0.0.1:{port}"):
                node.cloud.wait_for_size(2, 0.2)
        finally:
            node.close()


def test_flatfiles(tmp_path: Path) -> None:
    from h2ok.kernel.cloud.flatfile import parse_flatfile, read_flatfile

    path = tmp_path / "flat"
    path.write_text("# cloud\n127.0.0.1:54321\n\nname/10.0.0.2 # no port\n[::1]:9000\n")
    assert parse_flatfile(read_flatfile(str(path))) == [
        H2ONode("127.0.0.1", 54321, 54322),
        H2ONode("10.0.0.2", 54321, 54322),
        H2ONode("::1", 9000, 9001),
    ]
    for bad in ("a:b:c", "host:99999", "1.2.3.4:", "no.such.host.invalid:1"):
        with pytest.raises(IllegalArgumentError, match="Flatfile"):
            parse_flatfile([bad])
    with pytest.raises(IllegalArgumentError, match="Cannot read"):
        read_flatfile(str(tmp_path / "nothing"))


# -- real processes ---------------------------------------------------------------------------------------------------


@pytest.mark.engine
def test_kill_9_is_noticed_and_every_request_ends() -> None:
    folder = str(Path(__file__).parent)
    with no_new_threads(), process_cloud(3, modules=["sample_process_tasks"], paths=[folder]) as cloud:
        node = cloud.node
        frame = node.frames.from_columns("f", {"x": np.arange(30_000.0)}, chunk_rows=1000)
        assert node.rollups(frame.vecs[0]).mean == 14_999.5
        from . import sample_process_tasks as tasks

        victim = node.cloud.members[2]
        future = node.tasks.dfork(tasks.SlowSumTask(0.5), frame)
        began = time.monotonic()
        cloud.kill(victim.port)
        with pytest.raises(NodeLostError, match=victim.name):
            future.result(15)
        with pytest.raises(NodeLostError, match=victim.name):
            frame.vecs[0].to_numpy(node)
        assert node.cloud.wait_until(lambda: node.cloud.bad_nodes == 1, 10)
        assert time.monotonic() - began < 15
        assert [i.lost for i in node.cloud.member_infos()] == [False, False, True]


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a process; it does nothing any more when this returns."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


@pytest.mark.engine
def test_a_pause_below_the_dead_limit_recovers_without_error() -> None:
    with no_new_threads(), process_cloud(2, beat=(0.1, 0.3, 20.0)) as cloud:
        node, other = cloud.node, next(iter(cloud.processes.values()))
        key = next(f"k{i}" for i in range(100) if node.dkv.home(f"k{i}") == 1)
        node.dkv.put(key, 1)
        stop(other)
        try:
            pending = node.rpc.submit(1, "dkv.put", ({key: 2}, ""))
            assert node.cloud.wait_until(lambda: node.cloud.bad_nodes == 1, 10)
            assert not node.cloud.is_lost(1)
        finally:
            other.send_signal(signal.SIGCONT)
        assert pending.result(10) is None
        assert node.cloud.wait_until(lambda: node.cloud.healthy, 10)
        assert node.dkv.get(key) == 2


def test_a_node_boots_without_heavy_libraries() -> None:
    heavy = "('numba', 'pandas', 'pyarrow', 'scipy')"
    code = f"import sys, h2ok.kernel.boot, h2ok.kernel.transport.zmq; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.engine
def test_silence_beyond_the_dead_limit_ends_open_requests() -> None:
    with no_new_threads(), process_cloud(2, beat=(0.1, 0.3, 1.0)) as cloud:
        node, other = cloud.node, next(iter(cloud.processes.values()))
        key = next(f"k{i}" for i in range(100) if node.dkv.home(f"k{i}") == 1)
        node.dkv.put(key, 1)
        stop(other)
        try:
            node.dkv.put(key, 2)
            assert node.dkv.get(key) == 2
            assert node.cloud.is_lost(1)
            assert node.cloud.lost_reason(node.cloud.members[1]).startswith("no sign of life")
        finally:
            other.send_signal(signal.SIGCONT)
