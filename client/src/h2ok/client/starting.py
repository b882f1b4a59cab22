"""A node to work with: the one that runs, else one of its own - what ``h2o.init()`` does for H2O-3, without Java."""

from __future__ import annotations

import atexit
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from h2ok.client.server import Server, TransferError

__all__ = ["NoServerError", "init"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
#: Seconds that a node may take to look at a request for what it is, and between two looks at one that starts.
_PATIENCE, _PAUSE = 10.0, 0.05


class NoServerError(RuntimeError):
    """There is no h2ok server at an address, and none could be started there."""


def init(
    url: str = "http://127.0.0.1:54321",
    *,
    start: bool = True,
    arguments: Sequence[str] = (),
    timeout: float = 120.0,
    verbose: bool = False,
    **options: Any,
) -> Any:
    """Connect the ``h2o`` package to the h2ok server at ``url``, and start one there when nothing answers; the connection.

    A node that was started here ends with this process, or with ``h2o.cluster().shutdown()``.

    Parameters
    ----------
    start : whether to start a node on this machine; False: an error where none runs.
    arguments : further arguments of ``h2ok start`` for it, such as ``["--max-mem", "4g"]``.
    timeout : seconds to wait for it.
    verbose, options : for ``h2o.connect``, such as ``auth``.

    Raises
    ------
    NoServerError
        Nothing answers and nothing may be started at the address, what answers is not h2ok (but H2O-3, say), or the node does not
        start; the text holds what it said.
    ValueError
        The URL is none of http or https.
    """
    import h2o

    found = _who_answers(url)
    if found is None:
        _start(url, start, arguments, timeout)
    elif not found:
        raise NoServerError(f"{url} is served by something that is not h2ok. Give another url, such as http://127.0.0.1:54331.")
    h2o.connect(url=url, verbose=verbose, **options)
    return h2o.connection()


def _who_answers(url: str) -> bool | None:
    """Whether what answers is h2ok (what wants a password may be); None: nothing answers."""
    try:
        with Server(url, timeout=_PATIENCE).answer("GET", "/3/About") as answer:
            facts = {e["name"]: e["value"] for e in json.loads(answer.read())["entries"]}
    except TransferError as e:
        return None if e.status == 0 else e.status in (401, 403)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return facts.get("Built by") == "h2ok"


def _start(url: str, may: bool, arguments: Sequence[str], timeout: float) -> None:
    where = urlsplit(url)
    host = where.hostname or ""
    if not may or host not in _LOOPBACK or where.scheme != "http" or where.path.strip("/"):
        how = "Start one: h2ok start." if host in _LOOPBACK else "Only http addresses of this machine can be started from here."
        raise NoServerError(f"No server answers at {url}. {how}")
    command = [*_program(), "start", "--ip", "127.0.0.1" if host == "localhost" else host, "--port", str(where.port or 80)]
    with tempfile.TemporaryFile() as said:
        node = subprocess.Popen(  # noqa: S603 - our own command line
            [*command, "--watchdog-orphan", *arguments], stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        atexit.register(_end, node)
        give_up = time.monotonic() + timeout
        while node.poll() is None and time.monotonic() < give_up:
            if _who_answers(url):
                return
            time.sleep(_PAUSE)
        late = node.poll() is None
        _end(node)
        if not late and _who_answers(url):
            # Somebody else started one at the same time.
            return
        how = f"was not ready after {timeout:g} s" if late else f"ended with exit code {node.returncode}"
        raise NoServerError(f"The node {how}. It said:\n{_tail(said)}")


def _program() -> list[str]:
    if importlib.util.find_spec("h2ok.capabilities") is not None:
        return [sys.executable, "-m", "h2ok.capabilities.cli"]
    found = shutil.which("h2ok")
    if found is None:
        raise NoServerError(
            "No server runs, and h2ok is not installed here, only its client. Start one elsewhere and give its url."
        )
    return [found]


def _tail(said: BinaryIO) -> str:
    said.seek(0)
    return said.read().decode("utf-8", "replace")[-2000:].strip() or "nothing"


def _end(node: subprocess.Popen[bytes]) -> None:
    """End a node as Ctrl-C does; one that does not end is killed."""
    if node.poll() is None:
        node.terminate()
    try:
        node.wait(20)
    except subprocess.TimeoutExpired:
        node.kill()
        node.wait()
