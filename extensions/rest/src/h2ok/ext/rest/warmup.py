"""Compiles the kernels that write CSV into the on-disk cache after the first boot."""

from __future__ import annotations

from h2ok.capabilities.precompile import Precompile

__all__ = ["DownloadCore", "warmup"]


def warmup() -> None:
    """Write a line: every kernel is called with the types it will see."""
    import numpy as np
    from h2ok.ext.rest import csv_kernels as kernels
    from h2ok.ext.rest.csv_doubles import find_decimals

    n = 1
    size, at, out = np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.int64), np.zeros(64, dtype=np.uint8)
    whole, offsets, data = np.zeros(n, dtype=np.int64), np.zeros(n + 1, dtype=np.int64), np.zeros(1, dtype=np.uint8)
    # What comes out of a buffer cannot be written, which is a type of its own.
    fixed, fixed_offsets = np.frombuffer(b" ", dtype=np.uint8), np.frombuffer(bytes(16), dtype=np.int64)
    found = whole.copy(), np.zeros(n, dtype=np.uint8), np.zeros(n, dtype=np.int16)
    for values in (np.ones(n), np.frombuffer(bytes(8), dtype=np.float64)):
        find_decimals(values, *found)
    kernels.decimal_lengths(*found, 0, size)
    kernels.put_decimals(*found, 0, at.copy(), out, 10)
    kernels.integer_lengths(whole, 0, size)
    kernels.put_integers(whole, 0, at.copy(), out, 10)
    codes = np.zeros(n, dtype=np.int32)
    kernels.level_lengths(codes, offsets, 0, size)
    kernels.put_levels(codes, offsets, fixed, 0, at.copy(), out, 10)
    for some, texts in ((offsets, data), (fixed_offsets, fixed)):
        kernels.text_lengths(some, 0, size)
        kernels.put_texts(some, texts, 0, at.copy(), out, 10)


class DownloadCore(Precompile):
    """Compiles the kernels of downloads."""

    module = "h2ok.ext.rest.warmup"
    order = 25
    packages = ("h2ok.ext.rest",)
