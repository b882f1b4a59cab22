"""LeaderProbe: GET /kubernetes/isLeaderNode on a port of its own, for readiness probes."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from h2ok.kernel import H2OKError

if TYPE_CHECKING:
    from h2ok.kernel import Node

__all__ = ["LeaderProbe"]

_PATH = "/kubernetes/isLeaderNode"


class LeaderProbe:
    """200 while it is not known who leads (DNS lists only pods that are ready), then 200 on the leader and 404 elsewhere.

    It listens before the cloud is looked for. It tells nothing else, so it needs no authentication.
    """

    def __init__(self, port: int, host: str = "") -> None:
        self._node: Node | None = None
        probe = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            timeout = 5

            def do_GET(self) -> None:
                status = (200 if probe.is_leader() else 404) if self.path.partition("?")[0] == _PATH else 404
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Probes come every few seconds."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as e:
            raise H2OKError(
                f"The leader probe cannot listen on port {port}: {e}. Set H2O_KUBERNETES_API_PORT to a free port."
            ) from e
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="h2ok-leader-probe", daemon=True)
        self._thread.start()

    def follow(self, node: Node) -> None:
        """Answer for this node from now on."""
        self._node = node

    def is_leader(self) -> bool:
        """Whether requests should come here, as far as it is known."""
        node = self._node
        if node is not None and node.cloud.waits:
            # The others lead; this pod was started again and has no share yet.
            return False
        if node is None or not node.cloud.consensus:
            return True
        return node.cloud.members[0] == node.cloud.me and not node.cloud.failure

    def close(self) -> None:
        """Stop listening. A second call does no harm."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5.0)
