"""A lost node that is started again at its address: in the state machine, and with nodes over the in-process transport."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from h2ok.kernel import Job, Node, NodeConfig
from h2ok.kernel.cloud.cloud import Cloud, H2ONode, Member
from h2ok.kernel.cloud.flatfile import parse_flatfile
from h2ok.kernel.cloud.membership import Membership, MembershipSettings
from h2ok.kernel.cloud.messages import Identity, Join, Log, SetMembers
from h2ok.kernel.cloud.placement import Placement
from h2ok.kernel.cloud.service import MembershipService
from h2ok.kernel.errors import CloudTimeoutError, NodeLostError, NotHomeError, StateLostError
from h2ok.kernel.testing import no_new_threads
from h2ok.kernel.transport.inproc import InprocHub

from .sample_tasks import Add, StateTask, SumTask
from .test_membership import Network, address, formed

PORTS = (54321, 54323, 54325)
ELASTIC = MembershipSettings(elastic=True)


# -- the state machine ----------------------------------------------------------------------------------------------------


class ElasticNetwork(Network):
    """All nodes take newcomers; who asked to join is kept, and taken in when the test says so."""

    settings = ELASTIC

    def widen(self, leader: Membership, newcomer: Membership) -> None:
        offer = leader.widened([newcomer.me])
        for machine in [m for m in self.nodes.values() if not m.failure]:
            accepted, actions = machine.widen(*offer, self.now)
            assert accepted
            self.do(machine.me.node, actions)

    def place(self, epoch: int) -> None:
        nodes = tuple(self.nodes)
        for machine in self.nodes.values():
            self.do(machine.me.node, machine.placed(nodes, epoch))


@pytest.fixture
def net() -> ElasticNetwork:
    return ElasticNetwork()


def restarted(net: ElasticNetwork, i: int = 2, life: str = "b") -> Membership:
    """The third node of a locked cloud of three in another life."""
    return net.add(i, range(3), life=life)


def test_another_life_of_a_lost_member_asks_until_it_is_taken_in(net: ElasticNetwork) -> None:
    machines = formed(net)
    net.lock(machines[0])
    again = restarted(net)
    net.run(1)
    asked = [a for a in net.of(machines[0], Join) if isinstance(a, Join)]
    assert {a.member for a in asked} == {again.me}
    net.run(5)
    assert len(net.of(machines[0], Join)) > len(asked)
    assert not again.failure
    assert not again.locked
    net.widen(machines[0], again)
    net.place(2)
    net.run(2)
    assert all(again.me in m.view and len(m.view) == 3 and m.locked for m in (machines[0], machines[1], again))
    assert again.outside(net.now) == ""


def test_a_newcomer_that_was_widened_but_not_placed_is_asked_for_again(net: ElasticNetwork) -> None:
    machines = formed(net)
    net.lock(machines[0])
    again = restarted(net)
    net.run(1)
    for m in machines[:2]:
        net.do(m.me.node, m.widen(*machines[0].widened([again.me]), net.now)[1])
    before = len(net.of(machines[0], Join))
    net.run(3)
    assert len(net.of(machines[0], Join)) > before


def test_a_node_that_waits_says_why_and_does_not_lock_a_cloud_of_its_own(net: ElasticNetwork) -> None:
    machines = formed(net)
    net.lock(machines[0])
    again = restarted(net)
    assert "looks for the other nodes" in again.outside(net.now)
    assert not again.waits
    net.run(1)
    assert again.waits
    assert "has been formed, and this node is not in it yet" in again.outside(net.now)
    machines[0].join_failed(again.me, "could not take it in: no room")
    net.lock(again)
    net.run(15)
    assert not again.locked
    assert "could not take it in: no room" in again.outside(net.now)
    said = [a for a in net.of(again, Log) if isinstance(a, Log) and "GET /ready answers 503" in a.message]
    # At once for whoever looks, and as a problem when it goes on; not with every heartbeat.
    assert said[0].problem is False
    assert said[-1].problem is True
    assert len(said) <= 3


def test_a_node_whose_cloud_went_forms_one_by_itself(net: ElasticNetwork) -> None:
    machines = formed(net)
    net.lock(machines[0])
    again = restarted(net)
    net.run(1)
    for m in machines[:2]:
        del net.nodes[m.me.node]
    net.run(12)
    assert again.outside(net.now) == ""
    net.lock(again)
    assert again.locked


def test_a_node_that_finds_nobody_stops_to_look(net: ElasticNetwork) -> None:
    alone = net.add(0, range(3))
    assert alone.outside(net.now)
    net.lock(alone)
    assert not alone.locked
    net.run(3)
    assert alone.outside(net.now) == ""
    assert alone.locked


def test_a_node_that_is_told_of_others_later_looks_around_first(net: ElasticNetwork) -> None:
    net.settings = MembershipSettings(elastic=True, seeks=True)
    alone = net.add(0)
    assert "looks for the other nodes" in alone.outside(net.now)
    net.run(3)
    assert alone.outside(net.now) == ""
    net.lock(alone)
    # Another life is told of a node of a cloud that is locked, and is outside from the first moment on.
    late = net.add(1)
    assert late.outside(net.now)
    net.do(late.me.node, late.meet([alone.me.node], net.now))
    assert late.waits
    net.run(20)
    assert late.waits
    assert not late.locked


def test_it_stops_to_look_at_once_when_nobody_is_there(net: ElasticNetwork) -> None:
    alone = net.add(0, range(2))
    alone.no_answer(address(1))
    assert alone.outside(net.now) == ""


def test_a_heartbeat_meant_for_the_earlier_life_does_not_end_the_new_one(net: ElasticNetwork) -> None:
    machines = formed(net)
    net.lock(machines[0])
    again = restarted(net)
    reply, actions = again.heartbeat(machines[1].own_heartbeat(), net.now)
    assert reply.kind == "ok"
    assert not again.failure
    assert not [a for a in actions if isinstance(a, SetMembers)]
    assert again.outside(net.now)


def test_a_later_life_ends_the_one_before_it_on_every_member(net: ElasticNetwork) -> None:
    machines = formed(net)
    net.lock(machines[0])
    second = restarted(net)
    net.run(1)
    net.widen(machines[0], second)
    net.place(2)
    third = restarted(net, life="c")
    net.run(1)
    net.widen(machines[0], third)
    net.place(3)
    net.run(2)
    for m in (*machines[:2], third):
        assert [x for x in m.view if x.node == third.me.node] == [third.me]
        assert m.lease() > net.now
    # What is told with every heartbeat does not grow with every restart.
    assert len(machines[0].own_heartbeat().lost) <= 1


def test_an_invitation_to_another_life_is_not_accepted(net: ElasticNetwork) -> None:
    machines = formed(net)
    net.lock(machines[0])
    offer = machines[0].widened([Member(address(2), "b")])
    third = restarted(net, life="c")
    assert third.widen(*offer, net.now) == (False, [])


def test_the_end_of_a_node_that_says_so_is_no_problem(net: ElasticNetwork) -> None:
    machines = formed(net)
    net.lock(machines[0])
    net.do(machines[0].me.node, machines[0].leaving(machines[2].me, net.now))
    net.do(machines[0].me.node, machines[0].connection_refused(machines[1].me.node, net.now))
    said = {a.message.partition(" is lost: ")[2]: a.problem for a in net.of(machines[0], Log) if isinstance(a, Log)}
    # Who hears it from others says the same.
    heard = [a for a in net.of(machines[1], Log) if isinstance(a, Log) and machines[2].me.node.name in a.message]
    assert [(a.message.partition(" is lost: ")[2], a.problem) for a in heard] == [("it was shut down.", False)]
    assert said["it was shut down."] is False
    assert said["its process ended (connection refused)."] is True


# -- the cloud ------------------------------------------------------------------------------------------------------------


A, B, C, D = (address(i) for i in range(4))


def locked_cloud(members: tuple[H2ONode, ...] = (A, B, C)) -> Cloud:
    cloud = Cloud("c", A, replicas=1)
    for node in members:
        cloud.welcome(Member(node, "a"))
    cloud.set_members(members)
    cloud.mark_locked("a write")
    return cloud


def test_a_loss_is_forgotten_with_another_life_and_not_before() -> None:
    cloud = locked_cloud()
    cloud.mark_lost(C, "killed", "a")
    cloud.install(cloud.placement.without([C]))
    cloud.welcome(Member(C, "a"))
    assert cloud.gone_reason(C) == "killed"
    cloud.welcome(Member(C, "b"))
    assert cloud.gone_reason(C) == ""
    cloud.check_alive(C)
    # News of the life before.
    cloud.mark_lost(C, "killed", "a")
    cloud.check_alive(C)
    cloud.mark_lost(C, "killed again", "b")
    with pytest.raises(NodeLostError, match="killed again"):
        cloud.check_alive(C)


def test_a_lost_node_is_told_until_it_is_back_or_replaced() -> None:
    cloud = locked_cloud()
    for node in (B, C):
        cloud.mark_lost(node, "killed", "a")
    cloud.install(cloud.placement.without([B, C]))
    assert [(x.node, x.reason) for x in cloud.lost_nodes] == [(B, "killed"), (C, "killed")]
    cloud.welcome(Member(C, "b"))
    cloud.install(cloud.placement.with_members([C]))
    assert [x.node for x in cloud.lost_nodes] == [B]
    cloud.install(cloud.placement.with_members([D]))
    assert cloud.lost_nodes == []


def test_a_loss_noted_while_a_placement_is_agreed_upon_is_not_forgotten_with_it() -> None:
    cloud = locked_cloud()
    agreed = cloud.placement.without([])
    cloud.mark_lost(C, "killed", "a")
    cloud.install(agreed)
    assert cloud.is_lost(C)
    assert cloud.gone_reason(C) == "killed"
    assert [x.node for x in cloud.lost_nodes] == [C]


def test_a_node_outside_has_no_consensus_and_is_not_waited_for() -> None:
    cloud = Cloud("c", A)
    cloud.mark_outside("it waits")
    assert not cloud.consensus
    with pytest.raises(CloudTimeoutError, match="it waits"):
        cloud.wait_for_size(1, 0.01)
    cloud.mark_outside("")
    cloud.wait_for_size(1, 0.01)


# -- nodes ----------------------------------------------------------------------------------------------------------------


class InprocCloud:
    """Nodes that negotiate their membership over the in-process transport, and may be killed and started again."""

    def __init__(self, replicas: int, elastic: bool = True) -> None:
        self.hub = InprocHub()
        self.replicas, self.elastic = replicas, elastic
        self.nodes: dict[int, Node] = {}
        self._dead: list[Node] = []

    def start(self, port: int) -> Node:
        me = H2ONode("127.0.0.1", port, port + 1)
        config = NodeConfig(
            "t", port=port, nthreads=1, replicas=self.replicas, elastic=self.elastic, heartbeat_seconds=0.1, dead_seconds=5.0
        )
        transport = self.hub.transport(me)
        node = Node(config, transport, me.node_port)
        identity = Identity("t", "1", replicas=self.replicas)
        service = MembershipService(node, transport, identity, parse_flatfile([f"127.0.0.1:{p}" for p in PORTS]))
        self.hub.on_kill[me] = partial(node.cloud.mark_failed, "it was killed")
        node.start()
        service.start()
        self.nodes[port] = node
        return node

    def kill(self, port: int) -> None:
        node = self.nodes.pop(port)
        self._dead.append(node)
        self.hub.kill(node.cloud.me)

    def settled(self) -> None:
        """All nodes work with one placement of all of them, and all copies are there."""

        def reached(node: Node) -> bool:
            p = node.cloud.placement
            inside = node.cloud.locked and {m.port for m in p.members} == set(self.nodes)
            return inside and set(p.primaries) == set(p.members) and not p.incoming.size and not node.cloud.copies_missing

        for node in self.nodes.values():
            assert node.cloud.wait_until(partial(reached, node), 20), (node.cloud.placement.members, node.cloud.outside)

    def close(self) -> None:
        for node in (*self._dead, *self.nodes.values()):
            node.close()


@contextlib.contextmanager
def inproc_cloud(replicas: int = 1, elastic: bool = True) -> Iterator[InprocCloud]:
    with no_new_threads():
        cloud = InprocCloud(replicas, elastic)
        try:
            for port in PORTS:
                cloud.start(port)
            for node in cloud.nodes.values():
                node.cloud.wait_for_size(3, 20)
            yield cloud
        finally:
            cloud.close()


@pytest.mark.parametrize("victim", PORTS)
def test_a_killed_node_rejoins_at_its_address_with_everything_there(victim: int) -> None:
    with inproc_cloud() as cloud:
        asked = cloud.nodes[PORTS[0] if victim != PORTS[0] else PORTS[1]]
        frame = asked.frames.from_columns("f", {"x": np.random.default_rng(0).normal(size=60_000)}, chunk_rows=1000)
        total = asked.tasks.do_all(SumTask(), frame).value
        for _ in range(3):
            cloud.kill(victim)
            back = cloud.start(victim)
            cloud.settled()
            assert back.cloud.outside == ""
            assert back.cloud.consensus
            assert all(n.cloud.healthy and n.cloud.size == 3 and n.cloud.lost_nodes == [] for n in cloud.nodes.values())
            assert back.frames.get("f").vecs[0].to_numpy(back).tobytes() == frame.vecs[0].to_numpy(asked).tobytes()
            assert {n.tasks.do_all(SumTask(), n.frames.get("f")).value for n in cloud.nodes.values()} == {total}
            back.dkv.atomic("rounds", Add(1))
        assert asked.dkv.get("rounds") == 3


def test_without_copies_it_rejoins_too_and_what_went_with_it_is_named() -> None:
    with inproc_cloud(replicas=0) as cloud:
        node = cloud.nodes[PORTS[0]]
        node.dkv.put_many({f"k{i}": i for i in range(100)})
        lost = [f"k{i}" for i in range(100) if node.cloud.home(f"k{i}").port == PORTS[2]]
        cloud.kill(PORTS[2])
        cloud.start(PORTS[2])
        cloud.settled()
        assert node.cloud.damage(lost[0]) == f"127.0.0.1:{PORTS[2]}"
        assert all(n.cloud.healthy for n in cloud.nodes.values())


def test_what_a_new_life_is_asked_for_before_it_is_in_is_not_answered() -> None:
    with inproc_cloud() as cloud:
        node = cloud.nodes[PORTS[0]]
        node.dkv.put_many({f"k{i}": i for i in range(100)})
        for other in (PORTS[0], PORTS[1]):
            cloud.nodes[other].rehoming.stop_leading()
        cloud.kill(PORTS[2])
        back = cloud.start(PORTS[2])
        assert node.cloud.wait_until(lambda: node.cloud.bad_nodes > 0, 10)
        assert back.cloud.outside
        # Some member takes it for the one before still.
        with pytest.raises(NotHomeError):
            back.rpc.serve("dkv.get", (node.cloud.me, ["k1"]))


def test_a_write_to_a_node_that_waits_says_why_it_was_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("h2ok.kernel.cloud.service.LOCK_TIMEOUT", 0.2)
    with inproc_cloud() as cloud:
        cloud.nodes[PORTS[0]].dkv.put("k", 1)
        for other in (PORTS[0], PORTS[1]):
            cloud.nodes[other].rehoming.stop_leading()
        cloud.kill(PORTS[2])
        back = cloud.start(PORTS[2])
        assert back.cloud.wait_until(lambda: back.cloud.waits, 10)
        with pytest.raises(CloudTimeoutError, match="this node is not in it yet"):
            back.dkv.put("k", 2)
        assert not back.cloud.locked


def test_a_placement_agreed_with_an_earlier_life_is_not_taken() -> None:
    with inproc_cloud() as cloud:
        node = cloud.nodes[PORTS[2]]
        node.dkv.put("k", 1)
        placement = node.cloud.placement
        agreed = (placement.without([]), tuple(Member(m, "earlier") for m in placement.members))
        for service in ("place.fence", "place.install"):
            with pytest.raises(NodeLostError, match="started again"):
                node.rpc.serve(service, agreed)
        assert node.cloud.newest is placement


def test_state_that_a_node_kept_for_a_session_is_not_looked_for_in_its_next_life() -> None:
    with inproc_cloud() as cloud:
        node = cloud.nodes[PORTS[0]]
        frame = node.frames.from_columns("f", {"x": np.arange(30_000.0)}, chunk_rows=1000)
        assert node.tasks.do_all(StateTask(session="s"), frame).value == 30
        cloud.kill(PORTS[2])
        cloud.start(PORTS[2])
        cloud.settled()
        with pytest.raises(StateLostError, match=str(PORTS[2])):
            node.tasks.do_all(StateTask(session="s"), frame)
        node.tasks.free_state("s")
        assert node.tasks.do_all(StateTask(session="t"), frame).value == 30


def test_a_job_of_an_earlier_life_is_not_taken_for_one_of_the_next() -> None:
    # Whoever looks after jobs only now finds a member at the address that ran one.
    running = Job("$job", "work", "d", "Frame", "RUNNING", 0.0, "", 0, 0, node=C.name, life="a")
    with inproc_cloud() as cloud:
        node = cloud.nodes[PORTS[0]]
        third = H2ONode("127.0.0.1", PORTS[2], PORTS[2] + 1)
        node.dkv.put("$job", replace(running, node=third.name, life=node.cloud.life(third)))
        cloud.kill(PORTS[2])
        cloud.start(PORTS[2])
        cloud.settled()
        node.dkv.put("$job2", replace(running, key="$job2", node=third.name, life="an earlier one"))
        node.dkv.put("$job3", replace(running, key="$job3", node=third.name, life=node.cloud.life(third)))
        for n in cloud.nodes.values():
            n.jobs._look_after(n.cloud.placement)
        assert [node.jobs.get(f"$job{i}").status for i in ("", 2, 3)] == ["FAILED", "FAILED", "RUNNING"]
        assert third.name in node.jobs.get("$job2").exception


def test_a_cloud_that_takes_no_newcomers_says_so_to_a_restarted_member() -> None:
    with inproc_cloud(elastic=False) as cloud:
        cloud.nodes[PORTS[0]].dkv.put("k", 1)
        cloud.kill(PORTS[2])
        back = cloud.start(PORTS[2])
        assert back.cloud.wait_until(lambda: bool(back.cloud.failure), 10)
        assert "takes no new nodes" in back.cloud.failure


def test_a_node_that_ends_itself_does_not_warn_of_others_that_go(caplog: pytest.LogCaptureFixture) -> None:
    for ending, level in ((False, "WARNING"), (True, "INFO")):
        caplog.clear()
        with caplog.at_level("INFO", "h2ok"), inproc_cloud() as cloud:
            node = cloud.nodes[PORTS[0]]
            node.dkv.put("k", 1)
            if ending:
                node.rehoming.stop_leading()
            cloud.kill(PORTS[2])
            assert node.cloud.wait_until(lambda node=node: bool(node.cloud.lost_nodes), 10)
        said = [r for r in caplog.records if "is lost: its process ended" in r.message]
        assert level in {r.levelname for r in said}
        assert ending or {r.levelname for r in said} == {level}


def test_the_placement_of_a_member_that_is_back_is_whole() -> None:
    first = Placement.first((A, B, C), 1)
    after = first.without([C]).with_members([C])
    assert set(after.moved_to(after.target(1)).primaries) == {A, B, C}
