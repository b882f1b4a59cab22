"""Random keys."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from h2ok.kernel.key import random_key


def test_random_keys_of_all_threads_differ_in_their_random_part() -> None:
    with ThreadPoolExecutor(4) as pool:
        keys = [k for made in pool.map(lambda _: [random_key() for _ in range(2000)], range(4)) for k in made]
    assert len(set(keys)) == 8000
    # Eight digits of 8,000 keys: more than two pairs that agree have odds of one in a million.
    assert len({k[-8:] for k in keys}) > 7997


def test_the_system_is_seldom_asked_for_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, urandom = [], os.urandom
    monkeypatch.setattr(os, "urandom", lambda n: (asked.append(n), urandom(n))[1])
    for _ in range(1000):
        random_key()
    assert 0 < len(asked) < 10
