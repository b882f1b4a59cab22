"""Compiles the kernels of group-by, sort and merge into the on-disk cache after the first boot."""

from __future__ import annotations

from h2ok.capabilities.precompile import Precompile

__all__ = ["RapidsCore", "warmup"]


def warmup() -> None:
    """Call every kernel once with the types it will see."""
    import numpy as np
    from h2ok.ext.rapids import special
    from h2ok.ext.rapids.kernels import group_rows, group_statistics, join_sorted, partition_rows, present_rows, radix_argsort
    from h2ok.ext.rapids.looking import look
    from h2ok.ext.rapids.programs import compile_program, run_program

    for function in (special.gamma, special.lgamma, special.digamma, special.trigamma):
        function(np.ones(1))
    program = compile_program([("load", 0), ("abs", 0)], 1)
    if program is not None:
        look(run_program(program, [np.zeros(8)], 8))
    keys = np.array([[1], [0]], dtype=np.int64)
    ids, _ = group_rows(keys)
    group_statistics(ids, np.zeros(2), 2)
    order = radix_argsort(np.ascontiguousarray(keys[:, 0]), np.arange(2, dtype=np.int64))
    partition_rows(keys, keys[:1])
    present_rows(keys, keys)
    known = np.zeros(2, dtype=np.bool_)
    join_sorted(keys, order, known, keys, order, known, (True, False))


class RapidsCore(Precompile):
    """Compiles the kernels of Rapids."""

    module = "h2ok.ext.rapids.warmup"
    order = 30
    packages = ("h2ok.ext.rapids",)
