"""Frames: finding columns by name."""

from __future__ import annotations

import numpy as np
import pytest
from h2ok.kernel import ColumnNotFoundError
from h2ok.kernel.testing import local_cloud


@pytest.mark.parametrize(("asked", "near"), [("nope", None), ("incme", "'income'"), ("agee", "'age'"), ("x", None)])
def test_a_column_that_is_not_there_names_near_ones_only(asked: str, near: str | None) -> None:
    with local_cloud(1) as nodes:
        frame = nodes[0].frames.from_columns("f", {n: np.zeros(2) for n in ("age", "income", "email")})
        with pytest.raises(ColumnNotFoundError) as e:
            frame.vec(asked)
        assert ("Nearest" in e.value.message) == (near is not None)
        assert near is None or near in e.value.message
