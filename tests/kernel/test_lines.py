"""Calls with a line of their own, and services that answer on the receiving thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from h2ok.kernel import KeyNotFoundError, NodeLostError, wire, wire_type
from h2ok.kernel.transport.lines import LineCall
from h2ok.kernel.wire import add_resolver

from .pairs import Pair


class LinePair(Pair):
    """Services of ``b`` that are short echo, wait for one another, or fail."""

    def start(self) -> None:
        self.held = threading.Semaphore(0)
        self.threads: list[int] = []
        self.b.short = frozenset({"echo", "hold", "missing"})
        super().start()
        # Lines of their own are for peers that are known to answer.
        self.a.submit(self.at_b, "echo", 0, 20).result(20)

    def serve(self, name: str, payload: Any) -> Any:
        self.threads.append(threading.get_ident())
        if name == "hold":
            self.b.may_wait()
            self.held.release()
            self.release.wait(20)
        if name == "missing":
            raise KeyNotFoundError("no such key", key="k")
        return payload


@pytest.fixture
def pair() -> Iterator[LinePair]:
    with LinePair.running() as made:
        yield made


def test_a_call_takes_its_answer_in_itself(pair: LinePair) -> None:
    for value in (1, "text", np.arange(300_000), np.arange(3)):
        call = pair.a.ask(pair.at_b, "echo", value, 20)
        assert isinstance(call, LineCall)
        np.testing.assert_array_equal(call.result(), value)
        assert call.done()
        assert call.exception() is None
    with pytest.raises(KeyNotFoundError, match="no such key"):
        pair.a.ask(pair.at_b, "missing", None, 20).result()


def test_lines_serve_again_and_many_calls_share_one(pair: LinePair) -> None:
    calls = [pair.a.ask(pair.at_b, "echo", i, 20) for i in range(50)]
    assert any(not isinstance(c, LineCall) for c in calls)
    assert [c.result(20) for c in calls] == list(range(50))
    used = {id(c._line) for c in calls if isinstance(c, LineCall)}
    again = pair.a.ask(pair.at_b, "echo", 1, 20)
    assert isinstance(again, LineCall)
    assert id(again._line) in used
    assert again.result() == 1
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda i: pair.a.ask(pair.at_b, "echo", i, 20).result(), range(400))) == list(range(400))


def test_who_is_called_back_may_ask_again(pair: LinePair) -> None:
    call = pair.a.ask(pair.at_b, "echo", 5, 20)
    seen: list[Any] = []
    call.add_done_callback(lambda f: seen.extend([f.done(), f.exception(), f.result()]))
    assert call.result() == 5
    assert seen == [True, None, 5]


def test_a_short_service_that_waits_holds_up_nobody(pair: LinePair) -> None:
    waiting = [pair.a.ask(pair.at_b, "hold", i, 20) for i in range(3)]
    for _ in waiting:
        assert pair.held.acquire(timeout=20)
    assert pair.a.ask(pair.at_b, "echo", 1, 20).result() == 1
    pair.release.set()
    assert [c.result(20) for c in waiting] == [0, 1, 2]


@wire_type("test.late")
@dataclass(frozen=True)
class Late:
    """A type that the receiver of a message does not know before its module is imported."""

    value: int


def test_a_type_that_is_imported_for_a_message_holds_up_nobody(pair: LinePair, monkeypatch: pytest.MonkeyPatch) -> None:
    known, importing = dict(wire._by_name), threading.Event()
    monkeypatch.setattr(wire, "_by_name", {k: v for k, v in known.items() if k != "test.late"})

    def slow_import() -> None:
        importing.set()
        assert pair.release.wait(20)
        wire._by_name.update(known)

    take_back = add_resolver(slow_import)
    try:
        call = pair.a.ask(pair.at_b, "echo", Late(3), 20)
        assert importing.wait(10)
        assert pair.a.ask(pair.at_b, "echo", 1, 10).result() == 1
        pair.release.set()
        assert call.result() == Late(3)
    finally:
        take_back()


def test_short_services_stay_on_the_thread_that_receives(pair: LinePair) -> None:
    pair.threads.clear()
    for i in range(20):
        pair.a.ask(pair.at_b, "echo", i, 20).result()
    assert len(set(pair.threads)) == 1


def test_a_call_ends_when_its_deadline_passes_or_the_peer_is_lost(pair: LinePair) -> None:
    with pytest.raises(NodeLostError, match="did not answer 'hold' within"):
        pair.a.ask(pair.at_b, "hold", None, 0.2).result()
    call = pair.a.ask(pair.at_b, "hold", None, 60)
    pair.a.drop_peer(pair.at_b, "it is dead")
    with pytest.raises(NodeLostError, match="it is dead"):
        call.result()
    call = pair.a.ask(pair.at_b, "hold", None, 60)
    pair.a.close()
    with pytest.raises(NodeLostError):
        call.result()


def test_a_call_that_nobody_waits_for_gives_its_line_back(pair: LinePair) -> None:
    for _ in range(30):
        call = pair.a.ask(pair.at_b, "echo", 1, 20)
        call.result()
        del call
    peer = pair.a._peers.get(pair.at_b)
    assert peer is not None
    assert len(peer.lines) == len(peer.idle) == 1
