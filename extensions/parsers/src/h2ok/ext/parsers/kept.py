"""Kept columns: those that ``skipped_columns`` leaves, and what setups say of them.

Clients name and type either all columns of a file or only those that are not skipped; the number of values tells which.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from h2ok.kernel import IllegalArgumentError

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.parser import ParseSetup

__all__ = ["kept_columns", "kept_positions", "of_kept", "refuse_skipping", "spread", "spread_types"]

T = TypeVar("T")


def kept_positions(setup: ParseSetup, n: int) -> list[int]:
    """Positions of the columns that are not skipped, of ``n``. Columns that the names of the folders tell are not read again."""
    skipped = set(setup.skipped_columns)
    if setup.partition_by and setup.column_names and len(setup.column_names) == n:
        skipped.update(j for j, name in enumerate(setup.column_names) if name in setup.partition_by)
    return [j for j in range(n) if j not in skipped]


def kept_columns(setup: ParseSetup, n: int, source: str) -> tuple[list[int], list[str], list[str]]:
    """(positions, names, types) of the columns of ``source`` that are not skipped.

    Raises
    ------
    IllegalArgumentError
        Nothing is left.
    """
    keep = kept_positions(setup, n)
    if not keep:
        raise IllegalArgumentError(f"'{source}' has no columns to read: every column is skipped.")
    return keep, of_kept(setup.column_names or (), keep), of_kept(setup.column_types or (), keep)


def refuse_skipping(setup: ParseSetup, parse_type: str) -> None:
    """The ``check`` of a format whose files can only be read whole.

    Raises
    ------
    IllegalArgumentError
        Columns are to be skipped.
    """
    if setup.skipped_columns:
        raise IllegalArgumentError(
            f"skipped_columns are not supported for {parse_type} files; drop the columns from the frame afterwards."
        )


def of_kept(values: Sequence[T], keep: Sequence[int]) -> list[T]:
    """What ``values`` say of the columns to ``keep``."""
    return list(values) if len(values) == len(keep) else [values[j] for j in keep]


def spread(values: Sequence[T], keep: Sequence[int], found: Sequence[T]) -> list[T]:
    """``values`` for all columns; ``found`` where they say nothing."""
    out = list(found)
    at = keep if len(values) == len(keep) else range(len(out))
    for j, value in zip(at, values, strict=False):
        out[j] = value
    return out


def spread_types(given: ParseSetup, found: Sequence[str]) -> list[str]:
    """The types that the user chose for all columns; ``found`` where they chose none."""
    chosen = spread(given.column_types or (), kept_positions(given, len(found)), found)
    return [own if t == "Unknown" else t for t, own in zip(chosen, found, strict=True)]
