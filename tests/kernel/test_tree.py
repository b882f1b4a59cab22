"""The canonical reduction tree."""

from __future__ import annotations

import random

import pytest
from h2ok.kernel.key import SLOTS, chunk_slot
from h2ok.kernel.task.tree import ReductionTree
from hypothesis import given, settings
from hypothesis import strategies as st


def pair(left: str, right: str) -> str:
    return f"({left}{right})"


def naive(first: int, last: int) -> str:
    if last - first == 1:
        return f"<{first}>"
    middle = first + -(-(last - first) // 2)
    return pair(naive(first, middle), naive(middle, last))


@settings(max_examples=200, deadline=None)
@given(n=st.integers(1, 70), nodes=st.integers(1, 6), seed=st.integers(0, 1000))
def test_the_order_of_reductions_is_the_same_on_any_nodes_and_in_any_order_of_arrival(n: int, nodes: int, seed: int) -> None:
    rng = random.Random(seed)
    trees = [ReductionTree(n, pair) for _ in range(nodes)]
    chunks = list(range(n))
    rng.shuffle(chunks)
    for i in chunks:
        rng.choice(trees).add_chunk(i, f"<{i}>")
    whole = ReductionTree(n, pair)
    rng.shuffle(trees)
    for tree in trees:
        whole.add_parts(tree.parts())
    assert whole.result() == naive(0, n)


@pytest.mark.parametrize("nodes", [1, 2, 4])
@pytest.mark.parametrize("n", [4, 5, 20, 33, 1000])
def test_the_chunks_of_each_of_two_or_four_nodes_are_one_part(nodes: int, n: int) -> None:
    trees = [ReductionTree(n, pair) for _ in range(nodes)]
    for i in range(n):
        trees[chunk_slot(i, n) * nodes // SLOTS].add_chunk(i, f"<{i}>")
    assert [len(t.parts()) for t in trees] == [1] * nodes


def test_nothing_to_reduce_leaves_the_other_one() -> None:
    tree = ReductionTree(5, pair)
    for i, value in enumerate([None, "a", None, None, "b"]):
        tree.add_chunk(i, value)
    assert tree.result() == "(ab)"
    nothing = ReductionTree(3, pair)
    assert nothing.result() is None
    for i in range(3):
        nothing.add_chunk(i, None)
    assert nothing.result() is None


def test_missing_partials_are_told() -> None:
    tree = ReductionTree(4, pair)
    tree.add_chunk(2, "c")
    with pytest.raises(RuntimeError, match="incomplete"):
        tree.result()
