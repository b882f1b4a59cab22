"""The membership state machine, without sockets: a small network of machines under a fake clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.cloud.membership import Membership, MembershipSettings
from h2ok.kernel.cloud.messages import Action, Identity, Lock, Log, Lose, Member, SendHeartbeat, SendLock, Suspect
from hypothesis import given, settings
from hypothesis import strategies as st


def address(i: int) -> H2ONode:
    return H2ONode("10.0.0.1", 54321 + 2 * i, 54322 + 2 * i)


class Network:
    """Delivers messages at once, except between nodes that are cut off, and keeps the actions people would see."""

    settings: MembershipSettings | None = None

    def __init__(self) -> None:
        self.now = 100.0
        self.nodes: dict[H2ONode, Membership] = {}
        self.seen: dict[H2ONode, list[Action]] = {}
        self.paused: set[H2ONode] = set()
        self.cut: set[frozenset[H2ONode]] = set()
        self._queue: list[tuple[H2ONode, Action]] = []

    def add(self, i: int, flatfile: Iterable[int] = (), life: str = "a", identity: Identity | None = None) -> Membership:
        node = address(i)
        made = Membership(Member(node, life), identity or Identity("c", "1"), map(address, flatfile), self.now, self.settings)
        self.nodes[node] = made
        self.seen[node] = []
        return made

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 4)):
            self.now += 0.25
            for node, machine in list(self.nodes.items()):
                if node not in self.paused:
                    self.do(node, machine.tick(self.now))

    def do(self, node: H2ONode, actions: list[Action]) -> None:
        self._queue += [(node, a) for a in actions]
        while self._queue:
            source, action = self._queue.pop(0)
            self.seen[source].append(action)
            if isinstance(action, SendHeartbeat) and self.reaches(source, action.to):
                reply, more = self.nodes[action.to].heartbeat(self.nodes[source].own_heartbeat(), self.now)
                self._queue += [(action.to, a) for a in more]
                self._queue += [(source, a) for a in self.nodes[source].reply(action.to, reply, self.now, self.now)]
            elif isinstance(action, SendLock) and self.reaches(source, action.to.node):
                to = action.to.node
                answer, more = self.nodes[to].lock_request(action.request, self.now)
                self._queue += [(to, a) for a in more]
                self._queue += [(source, a) for a in self.nodes[source].lock_reply(action.to, action.request, answer, self.now)]

    def reaches(self, a: H2ONode, b: H2ONode) -> bool:
        return b in self.nodes and not self.paused & {a, b} and frozenset((a, b)) not in self.cut

    def lock(self, machine: Membership) -> None:
        self.do(machine.me.node, machine.want_lock("a write", self.now))

    def of(self, machine: Membership, kind: type) -> list[Action]:
        return [a for a in self.seen[machine.me.node] if isinstance(a, kind)]


@pytest.fixture
def net() -> Network:
    return Network()


def formed(net: Network, n: int = 3) -> list[Membership]:
    machines = [net.add(i, range(n)) for i in range(n)]
    net.run(1)
    assert {m.view for m in machines} == {tuple(sorted(m.me for m in machines))}
    assert all(m.consensus for m in machines)
    return machines


def test_a_node_alone_is_a_cloud_with_consensus(net: Network) -> None:
    m = net.add(0)
    assert m.consensus
    net.lock(m)
    assert m.locked


def test_one_shared_address_is_enough_to_meet(net: Network) -> None:
    machines = [net.add(0)] + [net.add(i, [0]) for i in range(1, 5)]
    net.run(2)
    assert {m.view for m in machines} == {tuple(m.me for m in machines)}
    assert all(m.consensus for m in machines)


def test_a_newcomer_that_knows_one_member_joins_an_unlocked_cloud(net: Network) -> None:
    machines = formed(net)
    machines.append(net.add(9, [1]))
    net.run(2)
    assert all(len(m.view) == 4 and m.consensus for m in machines)


def test_members_are_in_the_order_of_their_addresses(net: Network) -> None:
    machines = [net.add(i, range(5)) for i in (3, 0, 4, 1, 2)]
    net.run(1)
    assert [m.node.port for m in machines[0].view] == [54321, 54323, 54325, 54327, 54329]


@pytest.mark.parametrize("asker", [0, 1, 2])
def test_any_member_can_have_the_cloud_locked_at_once(net: Network, asker: int) -> None:
    machines = formed(net)
    net.lock(machines[asker])
    assert all(m.locked and m.lock_reason == "a write" for m in machines)
    assert all(len(net.of(m, Lock)) == 1 for m in machines)


def test_a_latecomer_is_told_why_and_what_to_do(net: Network) -> None:
    machines = formed(net)
    net.lock(machines[0])
    late = net.add(7, [1])
    net.run(1)
    assert "locked (a write)" in late.failure
    assert "--name" in late.failure
    assert all(len(m.view) == 3 and not m.failure for m in machines)


def test_a_latecomer_of_a_locked_cloud_of_one_is_refused(net: Network) -> None:
    alone = net.add(0)
    net.lock(alone)
    late = net.add(1, [0])
    net.run(1)
    assert "of 1 nodes" in late.failure


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        (Identity("other", "1"), "cloud name is 'other'"),
        (Identity("c", "2"), "runs h2ok 2, this cloud runs 1"),
        (Identity("c", "1", "x", ("gbm==1", "glm==2")), "lacks glm==1 and only it has glm==2"),
    ],
)
def test_a_node_that_does_not_fit_is_refused_with_the_difference(net: Network, identity: Identity, text: str) -> None:
    mine = Identity("c", "1", "y", ("gbm==1", "glm==1"))
    machines = [net.add(i, range(3), identity=mine) for i in range(2)]
    machines.append(net.add(2, range(3), identity=identity))
    net.run(10)
    assert text in machines[2].failure
    assert all(len(m.view) == 2 and m.consensus and not m.failure for m in machines[:2])
    assert len(net.of(machines[0], Log)) < 6


def test_an_unlocked_cloud_goes_on_without_a_dead_node(net: Network) -> None:
    machines = formed(net)
    net.paused.add(machines[1].me.node)
    net.run(12)
    assert [len(m.view) for m in machines[::2]] == [2, 2]
    assert machines[0].consensus
    net.paused.clear()
    net.run(3)
    assert all(len(m.view) == 3 and m.consensus for m in machines)


def test_silence_makes_suspect_then_dead(net: Network) -> None:
    machines = formed(net)
    net.lock(machines[0])
    silent = machines[2].me.node
    net.paused.add(silent)
    net.run(4)
    assert net.of(machines[0], Suspect)[-1] == Suspect(frozenset([silent]))
    assert not net.of(machines[0], Lose)
    net.run(8)
    assert [a.member.node for m in machines[:2] for a in net.of(m, Lose) if isinstance(a, Lose)] == [silent, silent]


def test_a_pause_below_the_dead_limit_leaves_no_trace(net: Network) -> None:
    machines = formed(net)
    net.lock(machines[0])
    net.paused.add(machines[2].me.node)
    net.run(8)
    net.paused.clear()
    net.run(2)
    assert all(not m.lost and not m.failure for m in machines)
    assert net.of(machines[0], Suspect)[-1] == Suspect(frozenset())


def test_a_node_that_slept_blames_nobody(net: Network) -> None:
    machines = formed(net)
    net.lock(machines[0])
    sleeper = machines[0]
    net.paused.add(sleeper.me.node)
    net.run(9)
    net.paused.clear()
    net.run(0.25)
    assert not sleeper.lost


def test_who_was_declared_dead_is_told_when_it_returns(net: Network) -> None:
    machines = formed(net)
    net.lock(machines[0])
    net.paused.add(machines[2].me.node)
    net.run(15)
    net.paused.clear()
    net.run(3)
    assert "declared dead" in machines[2].failure
    assert not machines[0].failure


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_a_paused_node_may_not_answer_any_more_when_it_is_declared_dead(net: Network, n: int) -> None:
    machines = formed(net, n)
    net.lock(machines[0])
    net.run(3.5)
    sleeper = machines[-1]
    net.paused.add(sleeper.me.node)
    while not any(m.lost for m in machines):
        assert all(m.lease() > net.now for m in machines[: n // 2 + 1 if n > 2 else 0])
        net.run(0.25)
    assert sleeper.lease() <= net.now
    net.run(1)
    assert all(m.lease() > net.now for m in machines[:-1])
    net.paused.clear()
    net.run(1)
    assert sleeper.lease() < net.now


def test_a_node_that_was_paused_for_long_answers_again_when_the_others_have_answered_it(net: Network) -> None:
    machines = formed(net)
    net.lock(machines[0])
    machines[2].settings = machines[1].settings = replace(machines[2].settings, dead=20.0)
    net.paused.add(machines[0].me.node)
    net.run(12)
    assert machines[0].lease() < net.now
    net.paused.clear()
    net.run(1.25)
    assert machines[0].lease() > net.now


def test_a_node_alone_or_before_the_lock_may_always_answer(net: Network) -> None:
    alone = net.add(7)
    net.lock(alone)
    net.run(60)
    assert alone.lease() == float("inf")
    machines = formed(net)
    assert {m.lease() for m in machines} == {float("inf")}


def test_a_refused_connection_is_death_at_once_and_told_to_all(net: Network) -> None:
    machines = formed(net)
    net.lock(machines[0])
    gone = machines[1].me.node
    del net.nodes[gone]
    net.do(machines[0].me.node, machines[0].connection_refused(gone, net.now))
    assert [list(m.lost) for m in (machines[0], machines[2])] == [[machines[1].me]] * 2


def test_a_restarted_member_is_lost_and_its_new_life_refused(net: Network) -> None:
    machines = formed(net)
    net.lock(machines[0])
    again = net.add(2, range(3), life="b")
    net.run(1)
    assert "locked" in again.failure
    assert machines[2].me in machines[0].lost


def test_a_restart_before_the_lock_is_taken_in(net: Network) -> None:
    machines = formed(net)
    again = net.add(2, range(3), life="b")
    net.run(2)
    assert all(again.me in m.view and len(m.view) == 3 and m.consensus for m in (machines[0], machines[1], again))


def test_no_lock_while_views_differ(net: Network) -> None:
    machines = formed(net)
    machines[2]._peers[machines[1].me.node].member = None
    net.cut.add(frozenset((machines[1].me.node, machines[2].me.node)))
    machines[2]._update(net.now, [])
    net.lock(machines[0])
    assert not any(m.locked for m in machines)
    net.cut.clear()
    net.run(3)
    assert all(m.locked for m in machines)


def test_a_leader_lost_in_the_middle_of_the_lock_blocks_nobody(net: Network) -> None:
    machines = formed(net)
    leader = machines[0]
    actions = leader.want_lock("a write", net.now)
    prepare = next(a for a in actions if isinstance(a, SendLock))
    for m in machines[1:]:
        assert m.lock_request(prepare.request, net.now)[0].accepted
    net.paused.add(leader.me.node)
    net.run(12)
    net.lock(machines[2])
    assert [m.locked for m in machines] == [False, True, True]
    assert len(machines[1].view) == 2


def test_a_commit_that_was_missed_comes_with_the_next_heartbeat(net: Network) -> None:
    machines = formed(net)
    leader = machines[0]
    for action in leader.want_lock("a write", net.now):
        if isinstance(action, SendLock):
            m = net.nodes[action.to.node]
            reply, _ = m.lock_request(action.request, net.now)
            leader.lock_reply(action.to, action.request, reply, net.now)
    assert [m.locked for m in machines] == [True, False, False]
    net.run(2)
    assert all(m.locked for m in machines)


def test_a_commit_of_an_older_round_is_refused(net: Network) -> None:
    machines = formed(net)
    old = next(a for a in machines[0].want_lock("first", net.now) if isinstance(a, SendLock)).request
    assert machines[1].lock_request(old, net.now)[0].accepted
    newer = type(old)("prepare", old.sender, "second", old.round + 5, old.members)
    assert machines[1].lock_request(newer, net.now)[0].accepted
    commit = type(old)("commit", old.sender, "first", old.round, old.members)
    assert not machines[1].lock_request(commit, net.now)[0].accepted
    assert not machines[1].locked


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["pause", "go", "cut", "heal", "lock", "run"]), st.integers(0, 3), st.integers(0, 3)), max_size=25
    )
)
def test_two_decided_memberships_never_share_a_living_member(events: list[tuple[str, int, int]]) -> None:
    net = Network()
    machines = [net.add(i, range(4)) for i in range(4)]
    for kind, i, j in events:
        a, b = address(i), address(j)
        if kind == "pause":
            net.paused.add(a)
        elif kind == "go":
            net.paused.discard(a)
        elif kind == "cut" and a != b:
            net.cut.add(frozenset((a, b)))
        elif kind == "heal":
            net.cut.discard(frozenset((a, b)))
        elif kind == "lock" and a not in net.paused:
            net.lock(machines[i])
        net.run(0.25 + 3 * j if kind == "run" else 0.25)
    net.paused.clear()
    net.cut.clear()
    net.run(30)
    good = [m for m in machines if not m.failure]
    for m in good:
        if m.locked:
            assert m.me in m.view
            for other in m.view:
                mate = net.nodes[other.node]
                if other not in m.lost and not mate.failure and mate.me not in m.lost and m.me not in mate.lost:
                    assert mate.view == m.view
    if not any(m.locked for m in machines):
        assert all(m.consensus and len(m.view) == 4 for m in machines)
