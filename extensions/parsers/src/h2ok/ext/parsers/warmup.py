"""Compiles the kernels of the CSV reader into the on-disk cache after the first boot."""

from __future__ import annotations

from h2ok.capabilities.precompile import Precompile

__all__ = ["ParsersCore", "warmup"]


def warmup() -> None:
    """Read some lines: every kernel is called with the types it will see."""
    import numpy as np
    from h2ok.ext.parsers.csv.cells import cut_cells
    from h2ok.ext.parsers.csv.reader import Layout, read_block
    from h2ok.ext.parsers.csv.tokens import Dialect

    text = b'1.5,"a ""b""",c\n2,d,e\n'
    read_block(text, Layout(",", '"', "", "#", ("Numeric", "Enum", "String"), (0, 1, 2), ((), (), ())))
    cut_cells(text, Dialect(",")).numbers(np.arange(3), classify=True)


class ParsersCore(Precompile):
    """Compiles the kernels of the CSV reader."""

    module = "h2ok.ext.parsers.warmup"
    packages = ("h2ok.ext.parsers.csv",)
