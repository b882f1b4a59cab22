"""The demo's own node: ``h2ok start`` as a child process, with an ear on its log."""

from __future__ import annotations

import re
import subprocess
import sys
import threading

__all__ = ["DemoServer"]

_ADDRESS = re.compile(r"Open H2O Flow in your web browser: (\S+)")
_COMPILING = re.compile(r"Compiling (\S+): ")
_COMPILED = re.compile(r"Compiled \S+ in ([0-9.]+) s")


class DemoServer:
    """Runs for the time of a ``with`` statement, which gives its address.

    ``compiling``: the kernel that a request waits for, empty when there is none; ``compiled``: seconds that requests have waited
    for the compiler so far, which they do once on a machine.
    """

    def __init__(self, nodes: int) -> None:
        command = [sys.executable, "-m", "h2ok.capabilities.cli", "start", "--name", "h2ok-demo"]
        self._command = command + (["--nodes", str(nodes)] if nodes > 1 else [])
        self.compiling = ""
        self.compiled = 0.0

    def __enter__(self) -> str:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 - ours
        log: list[str] = []
        for line in self._process.stdout or ():
            log.append(line)
            found = _ADDRESS.search(line)
            if found:
                # The pipe must be drained, or a chatty node would block on it.
                threading.Thread(target=self._listen, daemon=True).start()
                return found.group(1)
        self._process.wait()
        raise RuntimeError("the node did not start:\n" + "".join(log[-20:]))

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            begins, ends = _COMPILING.search(line), _COMPILED.search(line)
            if begins:
                self.compiling = begins.group(1)
            elif ends:
                self.compiling = ""
                self.compiled += float(ends.group(1))
