"""What lost nodes were making or removing is removed by the others; what anyone may need stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from h2ok.kernel import Node
from h2ok.kernel.errors import JobCancelledError
from h2ok.kernel.frame.newchunk import encode
from h2ok.kernel.frame.store import refs_of, rollups_key
from h2ok.kernel.key import chunk_key, maker_of, process_token, random_key
from h2ok.kernel.testing import assert_no_keys, local_cloud, no_new_threads

from .sample_tasks import Gate, GateTask

DEAD = "d" * 12


@pytest.fixture
def cloud() -> Iterator[list[Node]]:
    with no_new_threads(), local_cloud(3, replicas=1) as nodes:
        yield nodes


def put_column(node: Node, name: str, chunks: int = 6) -> None:
    node.dkv.put_many({chunk_key(name, i, chunks): encode("numeric", np.arange(3.0)) for i in range(chunks)})
    node.dkv.put(rollups_key(name), 1)


def test_keys_tell_who_made_them() -> None:
    assert maker_of(random_key()) == process_token() == maker_of(random_key("v", system=True), "\x01v")


def test_columns_of_lost_nodes_that_no_frame_holds_go(cloud: list[Node]) -> None:
    held, loose, staged, own = f"\x01v{DEAD}1", f"\x01v{DEAD}2", f"\x01s{DEAD}3", random_key("v", system=True)
    upload = f"\x01u{DEAD}4"
    for name in (held, loose, staged, own, upload):
        put_column(cloud[0], name)
    cloud[1].dkv.adjust_refs([held], 1)
    for node in cloud:
        node.orphans.note(DEAD)
    assert sum(node.orphans.remove() for node in cloud) > 0
    left = {name for name in (held, loose, staged, own, upload) if cloud[2].dkv.get(chunk_key(name, 0, 6)) is not None}
    assert left == {held, own, upload}
    assert cloud[2].dkv.get(rollups_key(loose)) is None


def test_columns_whose_count_may_be_lost_stay(cloud: list[Node], monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"\x01v{DEAD}5"
    put_column(cloud[0], name)
    for node in cloud:
        node.orphans.note(DEAD)
        monkeypatch.setattr(node.cloud, "damage", lambda key: "127.0.0.1:1")
    assert [node.orphans.remove() for node in cloud] == [0, 0, 0]
    monkeypatch.undo()
    assert cloud[1].orphans.remove() > 0


def test_scopes_and_frames_do_not_believe_lost_counts(cloud: list[Node], monkeypatch: pytest.MonkeyPatch) -> None:
    node = cloud[0]
    frame = node.frames.from_columns("f", {"x": np.arange(6.0)})
    monkeypatch.setattr(node.cloud, "damage", lambda key: "127.0.0.1:1")
    with node.scopes.enter():
        loose = node.frames.vec_of(np.arange(6.0))
    node.frames.remove("f")
    assert [v.to_numpy(cloud[1]).sum() for v in (loose, frame.vecs[0])] == [15, 15]


def test_counts_that_a_lost_node_left_wrong_are_put_right(cloud: list[Node]) -> None:
    frame = cloud[0].frames.from_columns("f", {"x": np.arange(60.0), "z": np.arange(60.0)}, chunk_rows=10)
    gone = [random_key("v", system=True) for _ in range(2)]
    for name in gone:
        put_column(cloud[0], name)
    cloud[1].dkv.adjust_refs([frame.vecs[0].key, gone[0], gone[1]], 1)
    cloud[1].dkv.adjust_refs([gone[1]], -1)
    wrong = {name: by for node in cloud for name, by in node.orphans.wrong_counts().items()}
    assert wrong == {frame.vecs[0].key: -1, gone[0]: -1, gone[1]: 0}
    for node in cloud:
        node.orphans.correct(node.orphans.wrong_counts())
    assert not any(node.orphans.wrong_counts() for node in cloud)
    assert [cloud[0].dkv.get(refs_of(n)) for n in (frame.vecs[0].key, *gone)] == [1, None, None]
    assert frame.vecs[0].to_numpy(cloud[1]).sum() == 1770
    cloud[0].frames.remove("f")
    assert_no_keys(cloud)


def test_a_node_that_joined_after_the_loss_corrects_the_counts_it_keeps(cloud: list[Node]) -> None:
    for node in cloud:
        node.orphans._patience = 0.05
    old, newcomer = cloud[0], cloud[2]
    name = next(n for n in (f"\x01v{DEAD}{i}" for i in range(100)) if newcomer.cloud.home(refs_of(n)) == newcomer.cloud.me)
    put_column(old, name)
    old.dkv.adjust_refs([name], 1)
    old.orphans.note(DEAD)
    old.orphans._look(old.cloud.newest)
    end = time.monotonic() + 10
    while any(node.dkv.local_keys() for node in cloud) and time.monotonic() < end:
        time.sleep(0.01)
    assert_no_keys(cloud)


def test_work_for_lost_nodes_ends_at_the_next_chunk(cloud: list[Node]) -> None:
    frame = cloud[0].frames.from_columns("f", {"x": np.arange(60.0)}, chunk_rows=1)
    gate = Gate("orphan")
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            cloud[0].tasks.do_all(GateTask("orphan"), frame)
        except BaseException as e:
            errors.append(e)

    thread = threading.Thread(target=ask)
    thread.start()
    while cloud[2].label not in gate.nodes:
        time.sleep(0.001)
    assert not cloud[2].tasks.abandon([process_token()], 0.05)
    gate.open.set()
    assert cloud[2].tasks.abandon([process_token()], 30)
    thread.join(30)
    assert [type(e) for e in errors] == [JobCancelledError]
