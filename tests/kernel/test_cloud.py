"""What a node tells about the members while they change."""

from __future__ import annotations

import threading

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
