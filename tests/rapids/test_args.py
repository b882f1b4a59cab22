"""Arguments of primitives: columns by name."""

from __future__ import annotations

import pytest
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids.args import named


@pytest.mark.parametrize(("asked", "near"), [("nope", None), ("incme", "'income'")])
def test_a_column_that_is_not_there_names_near_ones_only(asked: str, near: str | None) -> None:
    with pytest.raises(BadRequestError) as e:
        named(["age", "income", "email"], asked)
    assert ("Nearest" in e.value.message) == (near is not None)
    assert near is None or near in e.value.message
