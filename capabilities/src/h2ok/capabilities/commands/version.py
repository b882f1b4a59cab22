"""h2ok version."""

from __future__ import annotations

import argparse
import platform

from h2ok.capabilities.contracts.extension import API_VERSION
from h2ok.capabilities.settings import H2OK_VERSION, Settings

__all__ = ["ShowVersion"]


class ShowVersion:
    """Print our version, the H2O version clients are told, the contract version and Python's."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """No options."""

    def run(self, args: argparse.Namespace) -> int:
        """Print."""
        print(f"h2ok {H2OK_VERSION}")
        print(f"compatible with H2O {Settings().h2o_version}")
        print(f"extension API {API_VERSION}")
        print(f"Python {platform.python_version()}")
        return 0
