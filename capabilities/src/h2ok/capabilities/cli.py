"""The ``h2ok`` command: start, stop, ext, warmup, version, and what extensions add."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from h2ok.capabilities.registry import Registry, resolve
from h2ok.capabilities.settings import H2OK_VERSION, Settings
from h2ok.kernel import H2OKError

__all__ = ["main"]

#: Commands of this distribution: name -> ("module:Class", help).
_OWN = {
    "start": ("h2ok.capabilities.commands.start:Start", "start a node, or a cloud of several on this machine"),
    "stop": ("h2ok.capabilities.commands.stop:Stop", "end a running cloud"),
    "ext": ("h2ok.capabilities.commands.ext:Ext", "list, describe, check and make extensions"),
    "client": ("h2ok.capabilities.commands.bindings:Bindings", "generate client code for an algorithm"),
    "bindings": ("h2ok.capabilities.commands.bindings:Bindings", "generate client code and an OpenAPI document"),
    "warmup": ("h2ok.capabilities.commands.warmup:Warmup", "compile all kernels now, so that no first use waits for it"),
    "version": ("h2ok.capabilities.commands.version:ShowVersion", "print versions"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit status. As a process (``argv`` None) ``start`` ends without waiting for stray threads."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _run(arguments)
        if argv is None:
            sys.stdout.flush()
    except H2OKError as e:
        print(f"h2ok: {e.message}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        # Whoever read our output (head, less) has seen enough. What is still buffered must not fail once more at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    if argv is None and arguments[:1] == ["start"]:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _run(arguments: list[str]) -> int:
    name = next((a for a in arguments if not a.startswith("-")), "")
    parser = argparse.ArgumentParser("h2ok", description=f"h2ok {H2OK_VERSION}, compatible with H2O {Settings().h2o_version}.")
    parser.add_argument("--version", action="version", version=f"h2ok {H2OK_VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    known: dict[str, tuple[Any, str]] = dict(_OWN)
    if name not in _OWN:
        known.update({c.name: (c.target, c.help) for c in Registry.discover().commands() if c.name not in _OWN})
    made: dict[str, Any] = {}
    parsers: dict[str, argparse.ArgumentParser] = {}
    for command, (target, text) in known.items():
        sub = commands.add_parser(command, help=text, description=text[:1].upper() + text[1:] + ".", allow_abbrev=False)
        parsers[command] = sub
        if command == name:
            made[command] = resolve(target)()
            if command == "start":
                made[command].prepare(arguments)
            made[command].configure(sub)
    args, unknown = parser.parse_known_args(arguments)
    if unknown:
        parsers[args.command].error(_unknown_text(unknown[0], parsers[args.command]))
    status = made[args.command].run(args)
    return int(status or 0)


def _unknown_text(argument: str, parser: argparse.ArgumentParser) -> str:
    """What to say of an argument that a command does not know, with the option that was meant perhaps."""
    if not argument.startswith("-"):
        return f"unknown argument '{argument}'"
    given = argument.partition("=")[0]
    options = [o for a in parser._actions if a.help != argparse.SUPPRESS for o in a.option_strings]
    nearest = get_close_matches(given, options, 1)
    return f"unknown option '{given}'. {f'Nearest: {nearest[0]}' if nearest else 'Options: see --help'}."


if __name__ == "__main__":
    sys.exit(main())
