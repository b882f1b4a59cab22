"""What a node tells about the members while they change."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from h2ok.kernel.cloud.stats import NodeStats
from h2ok.kernel.testing import local_cloud


def test_members_may_go_while_their_state_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with local_cloud(3) as nodes:
        cloud, here = nodes[0].cloud, threading.get_ident()
        all_members, alone = cloud._members, (cloud.me,)

        def shrink() -> NodeStats:
            if threading.get_ident() == here:  # heartbeats ask too
                monkeypatch.setattr(cloud, "_members", alone)
            return NodeStats()

        monkeypatch.setattr(cloud, "own_stats", shrink)
        infos = cloud.member_infos()
        assert [i.node for i in infos] == list(all_members)
        assert all(i.healthy for i in infos)
        monkeypatch.setattr(cloud, "_members", all_members)


def test_nodes_of_one_machine_tell_shares_that_sum_up_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(7)), raising=False)
    with local_cloud(1) as alone:
        whole = alone[0].cloud.own_stats()
        assert (whole.num_cpus, whole.cpus_allowed) == (8, 7)
    with local_cloud(3) as nodes:
        told = [n.cloud.own_stats() for n in nodes]
        assert [s.num_cpus for s in told] == [3, 3, 2]
        assert [s.cpus_allowed for s in told] == [3, 2, 2]
        assert whole.max_mem - 3 <= sum(s.max_mem for s in told) <= whole.max_mem
        assert sum(s.free_mem for s in told) < 1.5 * whole.free_mem
        # A lost one has no share any more.
        nodes[0].cloud.mark_lost(nodes[2].cloud.me, "killed")
        assert [n.cloud.own_stats().num_cpus for n in nodes[:1]] == [4]


def test_a_node_with_a_limit_tells_it_whatever_others_do() -> None:
    with local_cloud(2) as nodes:
        nodes[0].config = replace(nodes[0].config, max_mem=3 << 30)
        assert nodes[0].cloud.own_stats().max_mem == 3 << 30
