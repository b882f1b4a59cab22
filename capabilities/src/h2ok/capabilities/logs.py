"""Logs: the last records of this node in memory, and a file when there is a folder for it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import TextIO

__all__ = ["ALIASES", "LEVELS", "ConsoleHandler", "LogBook"]

#: Names of H2O's log files, each holding records of its level and above.
LEVELS = {"trace": 5, "debug": 10, "info": 20, "warn": 30, "error": 40, "fatal": 50}
#: More names that H2O offers; "default" is the file of the level in force.
ALIASES = ("default", "stdout", "stderr", "httpd")
_KEPT, _KEPT_REQUESTS = 20_000, 5_000


class LogBook(logging.Handler):
    """A handler on the root logger ``h2ok`` in H2O's line format; ``text`` answers /3/Logs.

    Parameters
    ----------
    address : ``ip:port`` written on every line.
    folder : where the file goes; None for memory only.
    """

    def __init__(self, address: str, folder: Path | None = None, level: int = logging.INFO) -> None:
        super().__init__(level)
        self.address = address
        self._lines: deque[tuple[int, str, str]] = deque(maxlen=_KEPT)
        #: (seconds since the epoch, thread, method, status, milliseconds, path) of the latest requests.
        self._requests: deque[tuple[float, str, str, str, float, str]] = deque(maxlen=_KEPT_REQUESTS)
        self._mutex = threading.Lock()
        self._file = None
        self.path: Path | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self.path = folder / f"h2o_{address.replace(':', '_')}.log"
            self._file = self.path.open("a", encoding="utf-8", errors="replace")

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record; never raises."""
        try:
            line = self.line(record)
        except Exception:  # a broken argument of a log call must not break its caller
            self.handleError(record)
            return
        with self._mutex:
            self._lines.append((record.levelno, record.name, line))
            if self._file is not None:
                self._file.write(line + "\n")
                self._file.flush()

    def line(self, record: logging.LogRecord) -> str:
        """``11-21 10:48:10.633 127.0.0.1:54321  7255  main  INFO h2ok.kernel: text``, as H2O writes it."""
        when = time.strftime("%m-%d %H:%M:%S", time.localtime(record.created))
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        name = "WARN" if record.levelname == "WARNING" else record.levelname
        thread = (record.threadName or "")[:20]
        return f"{when}.{int(record.msecs):03d} {self.address:<22} {record.process} {thread:>12} {name:>5} {record.name}: {text}"

    def note_request(self, method: str, status: str, milliseconds: float, path: str) -> None:
        """Remember one answered request for the log ``httpd``; it is in no file and not on the console."""
        self._requests.append((time.time(), threading.current_thread().name, method, status, milliseconds, path))

    def _request_line(self, at: float, thread: str, method: str, status: str, milliseconds: float, path: str) -> str:
        when = time.strftime("%m-%d %H:%M:%S", time.localtime(at)) + f".{int(at % 1 * 1000):03d}"
        return (
            f"{when} {self.address:<22} {os.getpid()} {thread[:20]:>12} {'INFO':>5} h2ok.rest.request: "
            f"{method:<6} {status:>4} {milliseconds:>7.0f} ms  {path}"
        )

    def text(self, name: str) -> str:
        """Lines of one of H2O's log files.

        Raises
        ------
        LookupError
            No log of that name.
        """
        if name in LEVELS:
            least = LEVELS[name]
        elif name in ALIASES:
            least = 0
        else:
            raise LookupError(f"There is no log '{name}'. Logs: {', '.join((*ALIASES, *LEVELS))}.")
        if name == "httpd":
            lines = [self._request_line(*r) for r in list(self._requests)]
        else:
            with self._mutex:
                lines = [line for level, _, line in self._lines if level >= least]
        return "\n".join(lines) + ("\n" if lines else "")

    def close(self) -> None:
        with self._mutex:
            if self._file is not None:
                self._file.close()
                self._file = None
        super().close()


class ConsoleHandler(logging.StreamHandler[TextIO]):
    """Writes the lines of a log book to a stream."""

    def __init__(self, book: LogBook, stream: TextIO, level: int) -> None:
        super().__init__(stream)
        self.setLevel(level)
        self._book = book

    def format(self, record: logging.LogRecord) -> str:
        return self._book.line(record)
