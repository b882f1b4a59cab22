"""Compiles the kernels of the CSV reader into the on-disk cache after the first boot."""

from __future__ import annotations

from dataclasses import replace

from h2ok.capabilities.precompile import Precompile

__all__ = ["ParsersCore", "early", "warmup"]


def early() -> None:
    """What an import reaches after its types are guessed: cutting lines, and numbers that are read while they are seen."""
    import numpy as np
    from h2ok.ext.parsers.csv.reader import Layout, read_block

    layout = Layout(",", '"', "", "#", ("Numeric",), (0,), ((),))
    read_block(np.frombuffer(b"1.5\n2\n", dtype=np.uint8).copy(), layout)


def warmup() -> None:
    """Read some lines: every kernel is called with the types it will see."""
    import numpy as np
    from h2ok.ext.parsers.csv.arff_rows import ArffRows
    from h2ok.ext.parsers.csv.cells import cut_cells
    from h2ok.ext.parsers.csv.reader import Layout, read_block
    from h2ok.ext.parsers.csv.scratch import Scratch
    from h2ok.ext.parsers.csv.tokens import Dialect
    from h2ok.ext.parsers.svmlight import read_sparse
    from h2ok.kernel.frame.packing import encode_picked_codes, encode_picked_int64, pack_decimals, pack_whole, see_numbers

    text = b'1.5,"a ""b""",c,2024-01-01\n2,d,e,2024-01-02\n'
    layout = Layout(",", '"', "", "#", ("Numeric", "Enum", "String", "Time"), (0, 1, 2, 3), ((), (), (), ()))
    read_block(np.frombuffer(text, dtype=np.uint8).copy(), layout)
    rows = ArffRows(("0", "", "", "")).rewrite(np.frombuffer(text, dtype=np.uint8).copy(), Scratch())
    read_block(rows, replace(layout, patterns=("", "", "", "yyyy-MM-dd")))
    read_sparse(b"1 1:2\n")
    cut_cells(text, Dialect(",")).numbers(np.arange(3), classify=True)
    two = np.array([0, 1])
    # What Arrow gives cannot be written, which is a type of its own.
    fixed = two.astype(np.int32)
    fixed.flags.writeable = False
    for values in (two / 3, np.frombuffer((two / 3).tobytes())):
        see_numbers(values)
    for top in (100, 30_000, 1 << 30):
        encode_picked_int64(fixed, np.array([0, top, 0]))
        for wide in (two * (top + 1), np.frombuffer((two * (top + 1)).tobytes(), dtype=np.int64)):
            pack_whole(wide)
        pack_decimals(two * float(top), 0, top, 1.0, has_na=False)
        encode_picked_int64(two.astype(np.int32), np.array([0, top, 0]))
        for kind in (np.int8, np.int16, np.int32):
            encode_picked_codes(two.astype(kind), np.array([0, top, -1], dtype=np.int32))


class ParsersCore(Precompile):
    """Compiles the kernels of the CSV reader."""

    module = "h2ok.ext.parsers.warmup"
    early = "early"
    order = 20
    packages = ("h2ok.ext.parsers.csv", "h2ok.kernel.frame.packing")
