"""Chunks that do not fit into memory go to disk and come back with the same bits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h2ok.kernel import Node, NodeConfig, OutOfMemoryBudgetError
from h2ok.kernel.dkv.local import LocalStore
from h2ok.kernel.dkv.spill import Budget, Spill
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from .sample_tasks import DoubleTask, SumTask


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(NodeConfig(nthreads=2, max_mem=1_000_000, ice_root=str(tmp_path)))
    made.start()
    yield made
    made.close()
    assert not list(tmp_path.glob("h2ok-spill-*"))


def test_a_frame_larger_than_memory_is_the_same(node: Node) -> None:
    rng = np.random.default_rng(1)
    columns: dict[str, Any] = {"x": rng.normal(size=200_000), "s": [f"text {i % 1000}" for i in range(200_000)]}
    frame = node.frames.from_columns("f", columns, {"s": "string"}, chunk_rows=5000)
    assert node.dkv.store.nbytes > 3 * node.dkv.budget.limit
    assert node.dkv.budget.resident <= node.dkv.budget.limit
    assert node.spill is not None
    assert node.spill.on_disk > 0
    assert frame.vecs[0].to_numpy(node).tobytes() == columns["x"].tobytes()
    assert frame.vecs[1].to_strings(node) == columns["s"]
    plain = Node(NodeConfig(nthreads=1))
    other = plain.frames.from_columns("f", columns, {"s": "string"}, chunk_rows=5000)
    assert node.tasks.do_all(SumTask(), frame).value == plain.tasks.do_all(SumTask(), other).value
    assert node.rollups(frame.vecs[0]).checksum == plain.rollups(other.vecs[0]).checksum
    plain.close()
    assert node.dkv.budget.resident <= node.dkv.budget.limit
    assert node.cloud.own_stats().swap_mem == node.spill.on_disk
    node.frames.remove("f")
    assert (node.spill.on_disk, node.dkv.budget.resident, node.dkv.store.nbytes) == (0, 0, 0)


def test_outputs_of_tasks_spill_too(node: Node) -> None:
    from h2ok.kernel import OutputSpec

    values = np.random.default_rng(2).normal(size=100_000)
    with node.scopes.enter():
        frame = node.frames.from_columns("f", {"x": values}, chunk_rows=5000)
        out = node.tasks.do_all(DoubleTask(), frame, [OutputSpec()]).vecs[0]
        assert out.to_numpy(node).tobytes() == (values * 2).tobytes()
    assert node.dkv.budget.resident <= node.dkv.budget.limit


def test_what_cannot_be_spilled_is_refused_with_the_numbers(node: Node) -> None:
    node.dkv.put("a", np.zeros(40_000))
    with pytest.raises(OutOfMemoryBudgetError, match=r"320,\d+ bytes more: it holds 320,\d+ of 500,000 bytes"):
        node.dkv.put("b", np.zeros(40_000))


def test_a_full_disk_refuses_and_keeps_what_there_was(tmp_path: Path) -> None:
    spill = Spill(str(tmp_path), limit=100_000)
    store = LocalStore(Budget(50_000), spill)

    def fill() -> None:
        for i in range(30):
            store.set(f"k{i}", np.full(1000, float(i)))

    with pytest.raises(OutOfMemoryBudgetError, match=r"bytes are spilled already and [\d,]+ more may be"):
        fill()
    held = list(store)
    assert len(held) > 12
    assert all((store.get(k) == float(k[1:])).all() for k in held)
    assert 0 < spill.on_disk <= 100_000
    for k in held:
        store.drop(k)
    assert (spill.on_disk, store.budget.resident, store.fixed, store.nbytes) == (0, 0, 0, 0)
    spill.close()


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3), st.integers(0, 3000)), max_size=60))
@settings(max_examples=40, deadline=None)
def test_any_history_is_that_of_a_dict(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int]]) -> None:
    spill = Spill(str(tmp_path_factory.mktemp("ice")))
    store = LocalStore(Budget(30_000), spill)
    model: dict[str, NDArray[np.int64]] = {}
    for key, kind, size in steps:
        if kind == 0:
            store.set(str(key), None)
            model.pop(str(key), None)
        elif kind == 1:
            found, expected = store.get(str(key)), model.get(str(key))
            assert (found is None) == (expected is None)
            assert expected is None or np.array_equal(found, expected)
        else:
            model[str(key)] = np.arange(size)
            store.set(str(key), model[str(key)])
    assert sorted(store) == sorted(model)
    assert all(np.array_equal(store.get(k), v) for k, v in model.items())
    for k in list(store):
        store.drop(k)
    assert (spill.on_disk, store.budget.resident, store.fixed) == (0, 0, 0)
    spill.close()


def test_readers_and_writers_at_once(tmp_path: Path) -> None:
    spill = Spill(str(tmp_path))
    store = LocalStore(Budget(60_000), spill)
    wrong: list[str] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(300):
            key = f"k{rng.integers(20)}"
            if rng.random() < 0.5:
                store.set(key, np.full(1000, float(key[1:])))
            else:
                value = store.get(key)
                if value is not None and not (value == float(key[1:])).all():
                    wrong.append(key)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not wrong
    assert store.budget.resident <= 60_000
    spill.close()
