"""The DKV over several nodes: visibility, caching, invalidation, atomics."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from h2ok.kernel import KeyNotFoundError, Node, OutOfMemoryBudgetError
from h2ok.kernel.dkv.cache import ReadCache
from h2ok.kernel.errors import NodeLostError
from h2ok.kernel.key import SLOTS, slot_of
from h2ok.kernel.testing import local_cloud
from h2ok.kernel.transport.inproc import InprocHub
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from .sample_tasks import Add


@pytest.fixture
def cloud() -> Iterator[list[Node]]:
    with local_cloud(3) as nodes:
        yield nodes


def test_a_put_is_seen_on_every_node(cloud: list[Node]) -> None:
    for round_ in range(3):
        for i, node in enumerate(cloud):
            for k in range(20):
                node.dkv.put(f"k{k}", (round_, i, k))
                assert all(n.dkv.get(f"k{k}") == (round_, i, k) for n in cloud)


def test_reads_of_other_nodes_are_cached_until_the_value_changes(cloud: list[Node]) -> None:
    key = next(f"k{i}" for i in range(100) if cloud[0].dkv.home(f"k{i}") == 2)
    cloud[0].dkv.put(key, np.arange(5))
    first = cloud[0].dkv.get(key)
    assert cloud[0].dkv.get(key) is first
    assert cloud[2].dkv.get(key) is not first
    cloud[1].dkv.put(key, np.arange(6))
    assert len(cloud[0].dkv.get(key)) == 6
    cloud[2].dkv.remove(key)
    assert all(n.dkv.get(key) is None for n in cloud)


def test_who_may_have_been_declared_dead_asks_the_home_before_it_trusts_its_cache(cloud: list[Node]) -> None:
    reader = cloud[0]
    key = next(f"k{i}" for i in range(100) if reader.dkv.home(f"k{i}") == 2)
    cloud[1].dkv.put(key, "old")
    assert reader.dkv.get(key) == "old"
    cloud[2].dkv.store.set(key, "new", 1 << 60)
    assert reader.dkv.get(key) == "old"
    reader.cloud.lease = float("-inf")
    assert reader.dkv.get(key) == "new"


def test_a_home_that_may_have_been_declared_dead_answers_nothing_until_it_knows(cloud: list[Node]) -> None:
    home = cloud[2]
    key = next(f"k{i}" for i in range(100) if home.dkv.home(f"k{i}") == 2)
    cloud[0].dkv.put(key, 1)
    home.cloud.lease = float("-inf")
    answers: list[int] = []
    asking = [threading.Thread(target=lambda n=n: answers.append(n.dkv.get(key))) for n in cloud]
    for thread in asking:
        thread.start()
    # It is asked again and again meanwhile; each look at the cloud lets the others go on.
    assert not home.cloud.wait_until(lambda: bool(answers), 0.2)
    home.cloud.lease = float("inf")
    for thread in asking:
        thread.join(30)
    assert answers == [1, 1, 1]


def test_a_node_that_was_declared_dead_says_so_to_who_reads_from_it(cloud: list[Node]) -> None:
    home = cloud[2]
    key = next(f"k{i}" for i in range(100) if home.dkv.home(f"k{i}") == 2)
    cloud[0].dkv.put(key, 1)
    home.cloud.mark_failed("declared dead")
    home.cloud.lease = float("-inf")
    with pytest.raises(NodeLostError, match="declared dead"):
        home.dkv.get(key)


def test_get_many_and_put_many_cross_all_homes(cloud: list[Node]) -> None:
    items = {f"k{i}": i for i in range(50)}
    cloud[1].dkv.put_many(items)
    for node in cloud:
        assert node.dkv.get_many([*items, "missing"]) == {**items, "missing": None}
    assert cloud[0].dkv.keys() == sorted(items)
    assert cloud[2].dkv.remove_many([*items, "missing"]) == 50
    assert [n.dkv.local_nbytes for n in cloud] == [0, 0, 0]


def test_atomic_is_atomic_over_nodes(cloud: list[Node]) -> None:
    def add(node: Node) -> None:
        for _ in range(50):
            node.dkv.atomic("counter", Add(1))
            node.dkv.get("counter")

    threads = [threading.Thread(target=add, args=(n,)) for n in cloud for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert [n.dkv.get("counter") for n in cloud] == [300] * 3


def test_readers_never_go_back_to_an_older_value(cloud: list[Node]) -> None:
    stop = threading.Event()
    wrong: list[tuple[int, int]] = []
    cloud[0].dkv.put("clock", 0)
    acknowledged = [0]

    def read(node: Node) -> None:
        while not stop.is_set():
            floor = acknowledged[0]
            seen = node.dkv.get("clock")
            if seen < floor:
                wrong.append((seen, floor))

    threads = [threading.Thread(target=read, args=(n,)) for n in cloud]
    for t in threads:
        t.start()
    for i in range(1, 60):
        cloud[i % 3].dkv.put("clock", i)
        acknowledged[0] = i
    stop.set()
    for t in threads:
        t.join(30)
    assert not wrong


def test_without_copies_a_lost_home_takes_its_keys_along_and_says_so() -> None:
    hub = InprocHub()
    with local_cloud(3, hub=hub) as nodes:
        keys = [f"k{i}" for i in range(30)]
        nodes[0].dkv.put_many(dict.fromkeys(keys, 1))
        gone = [k for k in keys if nodes[0].dkv.home(k) == 1]
        hub.kill(nodes[1].cloud.me)
        assert nodes[0].dkv.get_many(keys) == {k: None if k in gone else 1 for k in keys}
        with pytest.raises(KeyNotFoundError, match=r"may have been on node 127\.0\.0\.1:54323, which is lost"):
            nodes[0].dkv.require(gone[0])
        nodes[2].dkv.put(gone[0], 2)
        assert nodes[0].dkv.get(gone[0]) == 2
        assert nodes[0].dkv.remove_many(keys) == len(keys) - len(gone) + 1
        assert [n.cloud.healthy for n in (nodes[0], nodes[2])] == [False, False]


def test_a_change_does_not_wait_for_lost_readers() -> None:
    hub = InprocHub()
    with local_cloud(3, hub=hub) as nodes:
        key = next(f"k{i}" for i in range(100) if nodes[0].dkv.home(f"k{i}") == 2)
        nodes[0].dkv.put(key, 1)
        assert nodes[1].dkv.get(key) == 1
        hub.kill(nodes[1].cloud.me)
        for n in (nodes[0], nodes[2]):
            n.cloud.mark_lost(nodes[1].cloud.me, "killed by the test")
        nodes[0].dkv.put(key, 2)
        assert nodes[2].dkv.get(key) == 2


def test_what_does_not_fit_the_budget_is_refused_with_the_numbers() -> None:
    with local_cloud(2) as nodes:
        key = next(f"k{i}" for i in range(100) if nodes[0].dkv.home(f"k{i}") == 1)
        nodes[1].dkv.budget.limit = nodes[1].dkv.budget.ceiling = 100_000
        nodes[0].dkv.put(key, np.zeros(10_000))
        with pytest.raises(OutOfMemoryBudgetError, match=r"holds 80,\d+ of 100,000 bytes \(--max-mem\)") as caught:
            nodes[0].dkv.put(key + "x" if nodes[0].dkv.home(key + "x") == 1 else key, np.zeros(10_000))
        assert caught.value.values["limit"] == 100_000
        nodes[0].dkv.put(key, 1)
        nodes[0].dkv.put(key, np.zeros(10_000))


def test_cache_is_bounded_and_keeps_what_was_used_last() -> None:
    cache = ReadCache(10_000)
    for i in range(20):
        fetch = cache.begin([f"k{i}"])
        cache.get("k0")
        cache.finish(fetch, [np.zeros(100)])
    assert cache.nbytes <= 10_000
    assert cache.get("k0") is not None
    assert cache.get("k19") is not None
    assert cache.get("k1") is None


def test_cache_does_not_keep_what_was_invalidated_on_its_way() -> None:
    cache = ReadCache(10_000)
    fetch = cache.begin(["a", "b"])
    cache.invalidate(["a"])
    cache.finish(fetch, [1, 2])
    assert (cache.get("a"), cache.get("b")) == (None, 2)


class DkvMachine(RuleBasedStateMachine):
    """Random histories on three nodes against a plain dict."""

    def __init__(self) -> None:
        super().__init__()
        self.context = local_cloud(3, nthreads=1)
        self.nodes = self.context.__enter__()
        self.model: dict[str, int] = {}

    keys = st.sampled_from([f"key{i}" for i in range(6)])
    nodes_at = st.integers(0, 2)

    @rule(at=nodes_at, key=keys, value=st.integers(-5, 5))
    def put(self, at: int, key: str, value: int) -> None:
        self.nodes[at].dkv.put(key, value)
        self.model[key] = value

    @rule(at=nodes_at, key=keys)
    def remove(self, at: int, key: str) -> None:
        assert self.nodes[at].dkv.remove(key) == (self.model.pop(key, None) is not None)

    @rule(at=nodes_at, key=keys, amount=st.integers(-3, 3))
    def add(self, at: int, key: str, amount: int) -> None:
        self.model[key] = self.model.get(key, 0) + amount
        assert self.nodes[at].dkv.atomic(key, Add(amount)) == self.model[key]

    @rule(at=nodes_at, key=keys)
    def get(self, at: int, key: str) -> None:
        assert self.nodes[at].dkv.get(key) == self.model.get(key)

    @invariant()
    def listing(self) -> None:
        assert self.nodes[0].dkv.keys() == sorted(self.model)

    def teardown(self) -> None:
        self.context.__exit__(None, None, None)


TestDkvHistories = DkvMachine.TestCase
TestDkvHistories.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)


@given(st.lists(st.text(max_size=5), max_size=5, unique=True))
@settings(max_examples=50, deadline=None)
def test_every_key_has_a_slot(keys: list[str]) -> None:
    assert all(0 <= slot_of(k) < SLOTS for k in keys)
