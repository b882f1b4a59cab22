"""Counter-based random numbers: a draw depends on (seed, stream, row) and on nothing else - not on thread, chunk or node."""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray

__all__ = ["new_seed", "random_bits", "uniforms"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


def new_seed() -> int:
    """A fresh seed, 0 <= seed < 2**63."""
    return secrets.randbits(63)


def random_bits(seed: int, stream: int, start: int, n: int) -> NDArray[np.uint64]:
    """uint64[n] of draws ``start .. start + n`` of a stream.

    SplitMix64 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195) used as a counter-based generator: the finaliser of a
    Weyl sequence, applied twice so that neighbouring streams share nothing.
    """
    with np.errstate(over="ignore"):
        base = _mix(_mix(np.array([seed & (2**64 - 1)], dtype=np.uint64)) + np.uint64(stream & (2**64 - 1)) * _M1)
        counter = np.arange(start, start + n, dtype=np.uint64) * _GOLDEN + base
    return _mix(_mix(counter))


def uniforms(seed: int, stream: int, start: int, n: int) -> NDArray[np.float64]:
    """float64[n], uniform in [0, 1) with 53 random bits: draws ``start .. start + n`` of a stream (row numbers, usually)."""
    return (random_bits(seed, stream, start, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        z = z + _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _M1
        z = (z ^ (z >> np.uint64(27))) * _M2
        return z ^ (z >> np.uint64(31))
