"""What travels of a run: the ground of a session once, everything else each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from h2ok.kernel import Block, MRTask, StateLostError, Vec, wire_type
from h2ok.kernel.cloud.cloud import H2ONode, Member
from h2ok.kernel.task.request import _MOST, Grounds, Request
from h2ok.kernel.wire import decode, encode

B = Member(H2ONode("127.0.0.1", 2, 3), "a life")


@wire_type("test.fixed_task")
@dataclass(frozen=True)
class FixedTask(MRTask):
    """Has a field that stays the same."""

    fixed: ClassVar[tuple[str, ...]] = ("spec",)

    spec: Any
    step: int
    session: str = ""

    def map(self, block: Block) -> int:
        return self.step


ESPC = np.arange(4) * 10
VECS = (Vec("v1", "real", ESPC), Vec("v2", "enum", ESPC, ("a", "b")))
SPEC = (("many", "words"), 3)


def request(step: int, session: str = "s", spec: Any = SPEC) -> Request:
    return Request("run", FixedTask(spec, step, session), VECS, ESPC, (), np.arange(3))


def travelled(message: Any) -> Any:
    return decode([bytes(f) for f in encode(message)])


def test_the_ground_of_a_session_travels_once_to_each_node() -> None:
    here, there = Grounds(), Grounds()
    first, answered = here.pack(request(1), B)
    assert first.ground is not None
    got = there.unpack(travelled(first))
    assert (got.task, got.n_chunks, got.session) == (FixedTask(SPEC, 1, "s"), 3, "s")
    assert [v.key for v in got.vecs] == ["v1", "v2"]
    # Until the node has answered it may not have it.
    assert here.pack(request(2), B)[0].ground is not None
    answered()
    second, _ = here.pack(request(2), B)
    assert second.ground is None
    assert sum(map(len, encode(second))) < sum(map(len, encode(first))) / 2
    got = there.unpack(travelled(second))
    assert got.task == FixedTask(SPEC, 2, "s")
    np.testing.assert_array_equal(got.espc, ESPC)
    assert here.pack(request(3), Member(H2ONode("127.0.0.1", 4, 5), ""))[0].ground is not None
    # A process that was started again at the same address has nothing of it.
    assert here.pack(request(3), Member(B.node, "another life"))[0].ground is not None


def test_other_parts_make_another_ground_and_too_many_are_not_kept() -> None:
    here, there = Grounds(), Grounds()
    specs = [(i,) for i in range(_MOST + 3)]
    for spec in specs:
        message, answered = here.pack(request(1, spec=spec), B)
        answered()
        assert there.unpack(travelled(message)).task.spec == spec
    assert here.pack(request(2, spec=specs[0]), B)[0].ground is None
    last, _ = here.pack(request(2, spec=specs[-1]), B)
    assert last.ground is not None
    assert there.unpack(travelled(last)).task.spec == specs[-1]


def test_without_a_session_everything_travels() -> None:
    here, there = Grounds(), Grounds()
    for _ in range(2):
        message, answered = here.pack(request(1, session=""), B)
        answered()
        assert message.ground is not None
        assert there.unpack(travelled(message)).task == FixedTask(SPEC, 1)
    assert not there.sessions()


def test_what_was_freed_is_told_as_lost_state() -> None:
    here, there = Grounds(), Grounds()
    message, answered = here.pack(request(1), B)
    there.unpack(travelled(message))
    answered()
    there.free("s")
    with pytest.raises(StateLostError, match="Start the work again"):
        there.unpack(travelled(here.pack(request(2), B)[0]))
    here.free("s")
    assert here.pack(request(2), B)[0].ground is not None
