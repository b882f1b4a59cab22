"""Keys that the official client cannot ask for."""

from __future__ import annotations

import pytest
from h2ok.client import from_arrow, from_pandas, from_polars


@pytest.mark.parametrize("send", [from_arrow, from_pandas, from_polars])
@pytest.mark.parametrize("key", ["a?b", "a#b"])
def test_keys_that_get_frame_does_not_quote_are_refused_before_sending(send, key) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="without"):
        send(None, key)
