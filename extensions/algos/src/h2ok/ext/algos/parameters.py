"""ListedParameters: shared parameter groups, cut down to what an algorithm knows."""

from __future__ import annotations

from typing import Any

from h2ok.ext.models import Parameters

__all__ = ["ListedParameters"]


class ListedParameters(Parameters):
    """Keeps the parameters that ``fields`` lists: the groups an algorithm inherits may hold more."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.fields:
            cls.api_fields = {n: f for n, f in cls.api_fields.items() if f.wire_name in cls.fields}
