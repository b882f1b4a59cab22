"""What clients may rely on."""

import numpy as np
from h2ok.capabilities.testing import RouteContract
from h2ok_count.extension import extension


class TestCount(RouteContract):
    extension = extension
    examples = (
        ("GET", "/3/Count/points", {}, 200, {"cells": 8}),
        ("GET", "/3/Count/nosuch", {}, 404, {"http_status": 404}),
    )

    def prepare(self, runtime):
        runtime.node.frames.from_columns("points", {"x": np.arange(4.0), "y": np.arange(4.0)})
