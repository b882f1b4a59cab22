"""The name XGBoost in /3/Capabilities/API; clients look for it there.

Training, grids and predictions go through the routes of the model framework, so there is nothing to add to them.
"""

from __future__ import annotations

from h2ok.capabilities.contracts.routes import Route

__all__ = ["routes"]

routes: list[Route] = []
