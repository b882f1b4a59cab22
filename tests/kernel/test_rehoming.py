"""Losses with copies: nothing is lost, work goes on with the same bits, homes and copies come back to their number."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from h2ok.kernel import Frame, Job, Node, StateLostError
from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.cloud.placement import Placement
from h2ok.kernel.dkv.gate import Gate as ChangeGate
from h2ok.kernel.key import SLOTS, slot_of
from h2ok.kernel.testing import assert_no_keys, local_cloud, no_new_threads
from h2ok.kernel.transport.inproc import InprocHub
from hypothesis import given, settings
from hypothesis import strategies as st

from .sample_tasks import Add, Gate, GatedSumTask, StateTask, SumTask

MEMBERS = tuple(H2ONode("127.0.0.1", 1000 + 2 * i, 1001 + 2 * i) for i in range(6))


@pytest.fixture
def hub() -> InprocHub:
    return InprocHub()


@pytest.fixture
def cloud(hub: InprocHub) -> Iterator[list[Node]]:
    with no_new_threads(), local_cloud(3, hub=hub, replicas=1) as nodes:
        yield nodes


def settled(node: Node, size: int) -> None:
    """Wait until ``size`` members hold every key as often as they should."""

    def reached() -> bool:
        placement = node.cloud.placement
        copies = 1 + min(node.cloud.replicas, size - 1)
        return len(placement.members) == size and placement.holders.shape[1] == copies and not placement.incoming.size

    assert node.cloud.wait_until(reached, 20), node.cloud.placement
    end = time.monotonic() + 10
    while node.rehoming.busy and time.monotonic() < end:
        time.sleep(0.001)


def frame_on(node: Node, n: int = 3000) -> Frame:
    rng = np.random.default_rng(3)
    return node.frames.from_columns("f", {"x": rng.normal(size=n), "s": [f"t{i % 7}" for i in range(n)]}, chunk_rows=100)


def test_a_node_that_is_fenced_first_still_tells_its_readers_of_changes(cloud: list[Node]) -> None:
    writer, reader = cloud[0], cloud[1]
    key = next(k for k in (f"k{i}" for i in range(100)) if writer.cloud.home(k) == writer.cloud.me)
    writer.dkv.put(key, 1)
    assert reader.dkv.get(key) == 1
    placement = writer.cloud.placement
    later = placement.moving_to(placement.target(1, set()))
    assert later.epoch > placement.epoch
    writer.cloud.fence(later)
    assert writer.dkv.fenced()
    # The reader was not fenced yet.
    writer.dkv.put(key, 2)
    assert reader.dkv.get(key) == 2


def test_a_new_home_knows_what_was_done_before_it_became_one(cloud: list[Node]) -> None:
    home = cloud[0]
    key = next(k for k in (f"k/{i}" for i in range(100)) if home.cloud.home(k) == home.cloud.me)
    assert home.dkv._home.atomic(key, Add(5), "operation") == 5
    placement = home.cloud.placement
    later = placement.moving_to(placement.target(1, {home.cloud.me}))
    incoming = [later.members[i] for i in later.incoming[slot_of(key)] if i >= 0]
    assert incoming
    for node in cloud:
        assert node.cloud.fence(later)
        assert node.dkv.fenced()
    for node in cloud:
        node.cloud.install(later)
    home.rehoming._sync_local(later.epoch)
    for node in (n for n in cloud if n.cloud.me in incoming):
        assert node.dkv.store.result(f"operation/{key}") == (True, 5)
        assert node.dkv.store.get(key) == 5


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_every_key_survives_the_loss_of_any_node(cloud: list[Node], hub: InprocHub, victim: int) -> None:
    items = {f"k{i}": (i, "v") for i in range(200)}
    cloud[1].dkv.put_many(items)
    cloud[2].dkv.remove_many([f"k{i}" for i in range(0, 200, 10)])
    frame = frame_on(cloud[0])
    values = frame.to_numpy(cloud[0])
    hub.kill(cloud[victim].cloud.me)
    left = [n for n in cloud if n is not cloud[victim]]
    expected = {k: v for k, v in items.items() if int(k[1:]) % 10}
    for node in left:
        assert node.dkv.get_many(items) == {k: expected.get(k) for k in items}
        assert node.dkv.keys() == sorted([*expected, "f"])
        assert [f.key for f in node.frames.list()] == ["f"]
        assert node.frames.get("f").to_numpy(node).tobytes() == values.tobytes()
    settled(left[0], 2)
    assert all(n.cloud.healthy and n.cloud.size == 2 for n in left)
    left[1].frames.remove("f")
    left[0].dkv.remove_many(expected)
    assert_no_keys(left)
    assert [len(n.dkv.store) for n in left] == [0, 0]


def test_two_losses_one_after_another_lose_no_key(cloud: list[Node], hub: InprocHub) -> None:
    frame = frame_on(cloud[2])
    values = frame.to_numpy(cloud[2])
    hub.kill(cloud[0].cloud.me)
    settled(cloud[1], 2)
    hub.kill(cloud[1].cloud.me)
    assert cloud[2].frames.get("f").to_numpy(cloud[2]).tobytes() == values.tobytes()
    settled(cloud[2], 1)
    assert cloud[2].frames.remove("f")
    assert_no_keys([cloud[2]])


def test_changes_during_a_loss_are_made_once_and_none_is_forgotten(cloud: list[Node], hub: InprocHub) -> None:
    done: list[int] = []
    stop = threading.Event()

    def add(node: Node, name: str) -> None:
        count = 0
        while not stop.is_set():
            for i in range(8):
                node.dkv.atomic(f"count-{name}-{i}", Add(1))
            count += 1
        done.append(count)

    threads = [threading.Thread(target=add, args=(n, str(i))) for i, n in enumerate(cloud[:2])]
    for t in threads:
        t.start()
    while len(cloud[0].dkv.keys("count-")) < 16:
        time.sleep(0.001)
    hub.kill(cloud[2].cloud.me)
    settled(cloud[0], 2)
    stop.set()
    for t in threads:
        t.join(30)
    found = [cloud[i].dkv.get(f"count-{i}-{j}") for i in range(2) for j in range(8)]
    assert sorted(found) == sorted(c for c in done for _ in range(8))


@pytest.mark.parametrize("victim", [1, 2])
def test_a_task_finishes_with_the_same_bits_when_a_node_is_lost_midway(cloud: list[Node], hub: InprocHub, victim: int) -> None:
    frame = frame_on(cloud[0])
    expected = cloud[0].tasks.do_all(SumTask(), frame).value
    gate = Gate(f"midway{victim}")
    from h2ok.kernel import OutputSpec

    future = cloud[0].tasks.dfork(GatedSumTask(f"midway{victim}"), frame, [OutputSpec()])
    assert gate.entered.wait(30)
    hub.kill(cloud[victim].cloud.me)
    gate.open.set()
    result = future.result(30)
    assert result.value == expected
    other = cloud[3 - victim]
    assert result.vecs[0].to_numpy(other).tobytes() == (frame.vecs[0].to_numpy(other) * 3).tobytes()


def test_state_of_a_session_is_not_made_up(cloud: list[Node], hub: InprocHub) -> None:
    frame = frame_on(cloud[0])
    n = frame.n_chunks
    tries: list[int] = []

    def work() -> int:
        tries.append(cloud[0].tasks.do_all(StateTask("s"), frame).value)
        if len(tries) == 1:
            hub.kill(cloud[1].cloud.me)
            settled(cloud[0], 2)
        try:
            value: int = cloud[0].tasks.do_all(StateTask("s"), frame).value
            return value
        finally:
            cloud[0].tasks.free_state("s")

    found: list[int] = []
    job = cloud[0].jobs.start("counts", "d", "Frame", lambda c: found.append(c.survive(work)))
    end: Job = cloud[0].jobs.wait(job.key, 30)
    assert end.status == "DONE"
    assert (tries, found) == ([n, n], [2 * n])
    assert "lost" in end.warnings[0]
    assert issubclass(StateLostError, ConnectionError)


def test_a_node_without_majority_leaves(cloud: list[Node]) -> None:
    from h2ok.kernel.cloud.membership import Membership, MembershipSettings
    from h2ok.kernel.cloud.messages import Fail, Heartbeat, Identity, Lose, Member
    from h2ok.kernel.cloud.stats import NodeStats

    members = [Member(m, "1") for m in MEMBERS[:3]]
    ids = Identity("c", "1")
    for own, hears, expected in ((0, [], Fail), (0, [1], Lose), (2, [1], Lose), (1, [], Fail)):
        state = Membership(members[own], ids, [m.node for m in members], 0.0, MembershipSettings(quorum=True))
        for m in members:
            if m != members[own]:
                state.heartbeat(Heartbeat(m, ids, tuple(members), False, "", (), 0, False, NodeStats()), 0.0)
        state._lock("test", [])
        actions = []
        for t in range(1, 13):
            for i in hears:
                message = Heartbeat(members[i], ids, tuple(members), True, "test", (), 0, False, NodeStats())
                actions += state.heartbeat(message, float(t))[1]
            actions += state.tick(float(t))
        assert {type(a) for a in actions} & {Fail, Lose} == {expected}


def test_the_gate_waits_for_those_inside_only() -> None:
    gate = ChangeGate()
    inside, leave, drained = threading.Event(), threading.Event(), threading.Event()

    def change() -> None:
        with gate.entered():
            inside.set()
            leave.wait(10)

    def drain() -> None:
        assert gate.drain(10)
        drained.set()

    threads = [threading.Thread(target=t) for t in (change, drain)]
    threads[0].start()
    assert inside.wait(10)
    assert not gate.drain(0.01)
    threads[1].start()
    with gate.entered():
        leave.set()
        assert drained.wait(10)
    for t in threads:
        t.join(10)
    assert gate.drain(1)


# -- the placement as a value -----------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> list[Callable[[Placement], Placement]]:
    return [draw(st.sampled_from([_lose, _join, _fill])) for _ in range(draw(st.integers(1, 8)))]


def _lose(p: Placement) -> Placement:
    return p.without([p.members[p.epoch % len(p.members)]]) if len(p.members) > 1 else p


def _join(p: Placement) -> Placement:
    return p.with_members([m for m in MEMBERS if m not in p.members][:1])


def _fill(p: Placement) -> Placement:
    target = p.target(1)
    return p.moving_to(target).moved_to(target)


@given(st.integers(1, 5), st.integers(0, 2), histories())
@settings(max_examples=60, deadline=None)
def test_every_slot_has_one_living_primary_after_any_history(n: int, replicas: int, steps: list[Callable[..., Placement]]) -> None:
    placement = Placement.first(MEMBERS[:n], replicas)
    for step in steps:
        placement = step(placement)
        assert len(placement.primaries) == SLOTS
        assert set(placement.primaries) <= set(placement.members)
        assert all(p not in c for p, c in zip(placement.primaries, placement.copies, strict=True))
    full = _fill(placement)
    shares = [sum(p == m for p in full.primaries) for m in full.members]
    assert max(shares) - min(shares) <= 1
    assert {len(set(c)) for c in full.copies} == {min(1, len(full.members) - 1)}


def test_a_loss_without_copies_is_told_by_slot() -> None:
    placement = Placement.first(MEMBERS[:3], 0).without([MEMBERS[1]])
    damaged = [placement.damage(s) for s in range(SLOTS)]
    assert set(damaged) == {"", MEMBERS[1].name}
    assert damaged.count("") == SLOTS * 2 // 3
    assert Placement.first(MEMBERS[:3], 1).without([MEMBERS[1]]).lost == ()
