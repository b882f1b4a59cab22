"""Mending: what the official client does and newer libraries refuse, made right in this process on request."""

from __future__ import annotations

from typing import Any

__all__ = ["mend"]


def mend() -> list[str]:
    """Mend the imported ``h2o`` package in this process; what was mended, in words. More calls change nothing.

    With numpy from 2.4 on, ``explain_row`` and ``shap_explain_row_plot`` of tree models fail: they turn arrays of one number into a
    float, which numpy now does for arrays without dimensions only. No answer of a server can help there.

    Raises
    ------
    ImportError
        The ``h2o`` package is not installed.
    """
    import numpy as np
    from h2o.explanation import _explain

    class Cells(np.ndarray[Any, Any]):
        """An array that is a number where it holds one, whatever its dimensions."""

        def __float__(self) -> float:
            return float(self.item())

    frame = getattr(_explain, "NumpyFrame", None)
    if frame is None or getattr(frame, "_h2ok_mended", False):
        return []
    made = frame.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self._data = self._data.view(Cells)

    frame.__init__ = init
    frame._h2ok_mended = True
    return ["explain_row of tree models with numpy 2.4 and newer"]
