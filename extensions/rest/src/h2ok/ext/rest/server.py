"""Server: gunicorn's threaded worker, run on a thread of the node's own process.

gunicorn usually forks workers from an arbiter. A node's chunks live in its process, so there is one worker here, without fork and
arbiter: signals and the end of the process belong to whoever composed the node.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from gunicorn.config import Config
from gunicorn.http import message, wsgi
from gunicorn.workers.gthread import ThreadWorker
from h2ok.capabilities.ports import listen
from h2ok.ext.rest.app import Application
from h2ok.ext.rest.catalog import schema_name
from h2ok.ext.rest.sending import BufferResponse

if TYPE_CHECKING:
    from h2ok.capabilities.logs import LogBook
    from h2ok.capabilities.runtime import Runtime

__all__ = ["Server"]

_log = logging.getLogger("h2ok.rest.server")
_MAX_REQUEST_LINE = 65_536
#: Seconds without a byte until a connection is given up.
_STALL_SECONDS = 60


class _Worker(ThreadWorker):  # type: ignore[misc]
    """The worker without what belongs to gunicorn's arbiter."""

    def init_signals(self) -> None:
        """Signals are the process's business, not the worker's."""

    def is_parent_alive(self) -> bool:
        return True

    def notify(self) -> None:
        """No arbiter waits for a sign of life."""

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.cfg.threads, thread_name_prefix="h2ok-rest")

    def stop(self) -> None:
        """End the loop after the requests under way; idle connections are closed at once."""
        self.alive = False
        queue = getattr(self, "method_queue", None)
        if queue is not None:
            queue.defer(self.murder_keepalived, True)


class _Log:
    """gunicorn's logger over the standard library; requests go to the node's log of them."""

    def __init__(self, logs: LogBook | None) -> None:
        self._logs = logs
        for name in ("debug", "info", "warning", "error", "critical", "exception", "log"):
            setattr(self, name, getattr(_log, name))

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        """One line a request (H2O's httpd log)."""
        if self._logs is not None:
            path = str(environ.get("RAW_URI", "")).partition("?")[0]
            status = str(resp.status).partition(" ")[0]
            self._logs.note_request(str(environ.get("REQUEST_METHOD", "")), status, request_time.total_seconds() * 1000, path)

    def close_on_exec(self) -> None:
        """No log file of gunicorn's to close."""

    def reopen_files(self) -> None:
        """No log file of gunicorn's to reopen."""


class _WsgiApp:
    def __init__(self, app: Any) -> None:
        self._app = app

    def wsgi(self) -> Any:
        """What the worker asks for once at its start."""
        return self._app


class Server:
    """Serves the runtime's application (service ``rest.server``)."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._worker: _Worker | None = None
        self._thread: threading.Thread | None = None
        self.url = ""

    def start(self) -> str:
        """Listen and serve on a thread; the URL for clients."""
        settings, config = self._runtime.settings, self._runtime.node.config
        sock = settings.rest_socket or listen(settings.web_ip or config.ip, config.port)
        _tune(sock)
        app = self._runtime.service_named("rest.app")
        message.MAX_REQUEST_LINE = _MAX_REQUEST_LINE  # GETs of clients carry long lists; gunicorn's own limit is 8 KB
        wsgi.Response = BufferResponse
        self._worker = _Worker(0, os.getppid(), [sock], _WsgiApp(app), 0, _config(settings.rest_threads), _Log(self._runtime.logs))
        self._thread = threading.Thread(target=self._run, name=f"{self._runtime.node.label}-rest", daemon=True)
        self._thread.start()
        _report(app)
        ip, port = sock.getsockname()[:2]
        shown = config.ip if ip in ("0.0.0.0", "::") else ip  # noqa: S104 - compared, not bound
        self.url = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
        return self.url

    def close(self) -> None:
        """Stop accepting, let requests under way end, and wait for the thread."""
        if self._worker is not None and self._thread is not None:
            self._worker.stop()
            self._thread.join(5.0)
            self._worker = self._thread = None

    def _run(self) -> None:
        worker = self._worker
        assert worker is not None
        try:
            worker.init_process()
        except SystemExit:
            pass
        except Exception:
            _log.exception("The REST server ended; the node stops")
            self._runtime.request_stop()
        finally:
            worker.tmp.close()
            for fd in worker.PIPE:
                os.close(fd)


def _tune(sock: socket.socket) -> None:
    """Options that accepted sockets inherit."""
    # PERF: gunicorn writes head and body apart; with Nagle's algorithm a kept-alive answer takes 44 ms instead of 1 ms.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # SECURITY: a client that stalls in the middle of a request frees its thread after a while.
    limit = struct.pack("ll", _STALL_SECONDS, 0)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, limit)


def _report(app: Application) -> None:
    bound = app.router.bound
    schemas = {schema_name(t) for b in bound for t in (b.route.input, b.route.output)} - {None}
    _log.info("Registered: %d REST APIs in %.0f ms", len(bound), app.register_ms)
    _log.info("Registered REST API extensions: [%s]", ", ".join(dict.fromkeys(b.group for b in bound)))
    _log.info("Registered: %d schemas", len(schemas))


def _config(threads: int) -> Config:
    config = Config()
    config.set("threads", threads)
    config.set("keepalive", 15)
    config.set("worker_connections", 1000)
    config.set("graceful_timeout", 1)
    config.set("limit_request_line", _MAX_REQUEST_LINE)
    config.set("limit_request_field_size", 65_536)
    return config
