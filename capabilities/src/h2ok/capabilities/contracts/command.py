"""The Command contract: a sub-command of ``h2ok``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import argparse

__all__ = ["CommandLine"]


@runtime_checkable
class CommandLine(Protocol):
    """Made without arguments when the command is given; its module is imported then."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare options. Must not do anything else: it also runs for ``--help``."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; the exit status. An H2OKError is shown without a traceback, and the status is 1."""
