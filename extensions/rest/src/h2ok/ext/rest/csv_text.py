"""CSV text of blocks of rows, as H2O writes it.

Text and levels are quoted, whole numbers bare, doubles as Java prints them (``1.0E-5``), times milliseconds, missing cells empty.
Small blocks are formatted in plain Python, large ones by kernels and pyarrow; both give the same bytes.
"""

from __future__ import annotations

import math
import re

import numpy as np
from h2ok.ext.rest.csv_lines import block_lines
from h2ok.ext.rest.csv_style import CsvStyle
from h2ok.kernel import Block, Vec

__all__ = ["block_text", "header_text", "java_double", "java_hex"]

#: Cells from which importing and using pyarrow pays.
_ARROW_CELLS = 50_000
_EXPONENT = re.compile(r"(-?)(\d)(?:\.(\d+))?e([+-]\d+)\Z")


def header_text(names: tuple[str, ...], style: CsvStyle) -> str:
    """The first line."""
    cells = (_quote(n, style.escape_quotes) for n in names) if style.quote_header else names
    return style.separator.join(cells) + "\n"


def block_text(block: Block, style: CsvStyle) -> bytes:
    """The lines of a block of rows, UTF-8."""
    if block.n_rows == 0:
        return b""
    if block.n_rows * len(block.vecs) >= _ARROW_CELLS:
        return arrow_text(block, style)
    return python_text(block, style)


def python_text(block: Block, style: CsvStyle) -> bytes:
    """``block_text`` in plain Python."""
    columns = [_python_cells(block, j, vec, style) for j, vec in enumerate(block.vecs)]
    lines = map(style.separator.join, zip(*columns, strict=True))
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


def _python_cells(block: Block, j: int, vec: Vec, style: CsvStyle) -> list[str]:
    if vec.domain is not None:
        levels = [*(_quote(d, style.escape_quotes) for d in vec.domain), ""]
        return [levels[c] for c in block.codes(j).tolist()]
    if vec.type == "string":
        return ["" if v is None else _quote(v, style.escape_quotes) for v in block.strings(j)]
    if vec.type == "uuid":
        return ["" if v is None else v for v in block.strings(j)]
    if vec.type == "time" or style.whole[j]:
        values = block.chunk(j).int64()
        na = np.iinfo(np.int64).min
        return ["" if v == na else str(v) for v in values.tolist()]
    form = java_hex if style.hex_string else java_double
    return ["" if v != v else form(v) for v in block.numbers(j).tolist()]  # noqa: PLR0124 - NaN


def java_double(value: float) -> str:
    """A double as Java prints it: shortest digits that round trip, ``E`` notation below 1e-3 and from 1e7.

    >>> java_double(1e-05), java_double(100.0), java_double(12345678.5)
    ('1.0E-5', '100.0', '1.23456785E7')
    """
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    size = abs(value)
    if 1e-3 <= size < 1e7 or size == 0:
        return repr(value)
    found = _EXPONENT.match(f"{value!r}")
    if found:
        sign, lead, rest, exponent = found.groups()
        return f"{sign}{lead}.{rest or '0'}E{int(exponent)}"
    # repr writes these without an exponent; move the point behind the first digit.
    sign = "-" if value < 0 else ""
    whole, _, part = repr(size).partition(".")
    digits = (whole + part).lstrip("0")
    exponent_of = len(whole) - 1 if whole != "0" else -(len(part) - len(part.lstrip("0")) + 1)
    digits = digits.rstrip("0") or "0"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent_of}"


def java_hex(value: float) -> str:
    """A double in hexadecimal as Java prints it: ``0x1.28p4``."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    mantissa, _, exponent = value.hex().partition("p")
    head, _, digits = mantissa.partition(".")
    return f"{head}.{digits.rstrip('0') or '0'}p{int(exponent)}"


def _quote(text: str, escape: bool) -> str:
    return '"' + (text.replace('"', '""') if escape and '"' in text else text) + '"'


# -- pyarrow ----------------------------------------------------------------------------------------------------------


def arrow_text(block: Block, style: CsvStyle) -> bytes:
    """``block_text`` by kernels, which need pyarrow for texts."""
    import pyarrow as pa

    return block_lines(block, style, lambda j: pa.array(_python_cells(block, j, block.vecs[j], style), type=pa.large_string()))
