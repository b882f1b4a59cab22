"""LocalRuns: a node's own part of an MRTask, on its worker threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.kernel.cloud.stats import resident_bytes
from h2ok.kernel.errors import IllegalArgumentError, JobCancelledError
from h2ok.kernel.frame.newchunk import encode
from h2ok.kernel.key import chunk_key
from h2ok.kernel.task.mrtask import Block, MRTask
from h2ok.kernel.task.request import Reply, Request
from h2ok.kernel.task.states import BlockStates
from h2ok.kernel.task.tree import ReductionTree

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["LocalRuns"]

#: Numbers that work on a block may hold for each of its values: the decoded one, and a matrix that is made of them.
_WORK_VALUES = 4
#: Blocks whose outputs are stored together, at most.
_STORED_BLOCKS = 4


@dataclass(slots=True)
class _Run:
    """One part while it is worked on. ``count`` is told how many chunks are done."""

    request: Request
    stopped: Callable[[], bool]
    count: Callable[[int], None] | None
    tree: ReductionTree
    indexes: Any
    lock: threading.Lock = field(default_factory=threading.Lock)
    failed: list[BaseException] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)
    mapped: int = 0

    def take(self, n: int) -> list[int]:
        """The next ``n`` chunks that no thread has taken."""
        with self.lock:
            return list(islice(self.indexes, n))

    def add_mapped(self, n: int) -> None:
        if self.count is not None:
            with self.lock:
                self.mapped += n
                self.count(self.mapped)


class LocalRuns:
    """Maps chunks of this node on the calling thread, with idle workers beside it, which all runs share."""

    def __init__(self, node: Node, nthreads: int, states: BlockStates) -> None:
        self._node, self._nthreads, self._states = node, nthreads, states
        self._pool = ThreadPoolExecutor(max(1, nthreads - 1), thread_name_prefix=f"{node.label}-worker")

    def close(self) -> None:
        """End the worker threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, request: Request, stopped: Callable[[], bool], count: Callable[[int], None] | None = None) -> Reply:
        """Map this node's chunks and reduce them as far as the tree allows; the first real failure of a thread is raised."""
        task = request.task
        mine = request.indexes.tolist()
        run = _Run(request, stopped, count, ReductionTree(request.n_chunks, task.reduce), iter(mine))
        group = self._group(request, len(mine))
        with self._node.scopes.suspended():
            task.setup_local(self._node)
            try:
                helpers = [self._pool.submit(self._work, run, group) for _ in range(min(len(mine), self._threads_for(request)) - 1)]
                self._work(run, group)
                for f in helpers:
                    if not f.cancel():
                        f.result()
            finally:
                task.close_local(self._node)
        if run.failed:
            raise next((e for e in run.failed if not isinstance(e, JobCancelledError)), run.failed[0])
        return Reply(run.tree.parts(), run.sizes)

    def _work(self, run: _Run, group: int) -> None:
        """A thread's share: chunks, until none is left or something failed."""
        together = type(run.request.task).map_group is not MRTask.map_group
        while not run.failed:
            indexes = run.take(group)
            if not indexes:
                return
            try:
                outputs: dict[str, Any] = {}
                for some in [indexes] if together else [[i] for i in indexes]:
                    if run.stopped():
                        raise JobCancelledError("The task was cancelled.")
                    outputs.update(self._map_some(run, some))
                    run.add_mapped(len(some))
                if outputs:
                    self._node.dkv.put_many(outputs)
            except BaseException as e:  # handed to the caller of ``run``
                run.failed.append(e)

    def _threads_for(self, request: Request) -> int:
        """Threads whose blocks fit into memory side by side, where memory is limited."""
        node = self._node
        if not node.config.max_mem or not request.vecs:
            return self._nthreads
        rows = int(np.diff(request.espc)[request.indexes].max(initial=0))
        room = node.dkv.budget.make_room(node.config.max_mem, resident_bytes(), _WORK_VALUES * 8 * rows * len(request.vecs))
        return max(1, min(self._nthreads, room))

    def _group(self, request: Request, n: int) -> int:
        """Blocks whose outputs a thread stores together: a store is a message to the holders of copies, or to another home."""
        roomy = request.outputs and not self._node.config.max_mem
        return min(_STORED_BLOCKS, max(1, n // (8 * self._nthreads))) if roomy else 1

    def _map_some(self, run: _Run, indexes: list[int]) -> dict[str, Any]:
        """Map blocks; the chunks that they wrote by their keys."""
        request = run.request
        espc, session = request.espc, request.session
        self._fit()
        blocks = [
            Block(self._node, i, int(espc[i]), int(espc[i + 1] - espc[i]), request.vecs, self._states.of(session, i), session)
            for i in indexes
        ]
        outputs: dict[str, Any] = {}
        for block, result in zip(blocks, request.task.map_group(blocks), strict=True):
            run.tree.add_chunk(block.index, result)
            if request.outputs:
                outputs.update(_outputs(run, block))
        return outputs

    def _fit(self) -> None:
        """Spill until there is room for what comes."""
        budget = self._node.dkv.budget
        if budget.limit:
            budget.adapt(self._node.config.max_mem, resident_bytes())
            budget.fit()


def _outputs(run: _Run, block: Block) -> dict[str, Any]:
    """The chunks that a block wrote, by their keys."""
    request, items = run.request, {}
    for j, spec in enumerate(request.outputs):
        if j not in block.outputs:
            raise IllegalArgumentError(f"{type(request.task).__name__}.map wrote no output {j} of {len(request.outputs)}.")
        chunk = encode(spec.type, block.outputs[j])
        if run.sizes.setdefault(block.index, chunk.n) != chunk.n:
            raise IllegalArgumentError(f"{type(request.task).__name__}.map wrote outputs of different lengths.")
        items[chunk_key(spec.key, block.index, request.n_chunks)] = chunk
    return items
