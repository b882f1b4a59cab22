"""Sessions: what one client's temporaries and properties hang on."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["Sessions"]

_MAX_PROPERTIES = 1000
_MAX_SESSIONS = 100_000


class Sessions:
    """Sessions opened on this node. An id that was not opened here is valid too: clients may make their own."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._mutex = threading.Lock()
        self._properties: dict[str, dict[str, str]] = {}

    def new(self) -> str:
        """A fresh id: ``_sid_`` and hexadecimal digits, as few as keep it unique."""
        with self._mutex:
            digits = 4
            while True:
                made = "_sid_" + secrets.token_hex(digits // 2)
                if made not in self._properties:
                    break
                digits += 2
            if len(self._properties) >= _MAX_SESSIONS:
                del self._properties[next(iter(self._properties))]
            self._properties[made] = {}
            return made

    def end(self, session_id: str) -> None:
        """Forget the session and drop its temporaries; an unknown id is no error."""
        with self._mutex:
            self._properties.pop(session_id, None)
        if self._runtime.has_service("rapids.sessions"):
            self._runtime.service_named("rapids.sessions").end(session_id)

    def get(self, session_id: str, key: str) -> str | None:
        """A property, or None."""
        with self._mutex:
            return self._properties.get(session_id, {}).get(key)

    def put(self, session_id: str, key: str, value: str | None) -> None:
        """Set a property; None removes it."""
        with self._mutex:
            properties = self._properties.setdefault(session_id, {})
            if value is None:
                properties.pop(key, None)
            elif len(properties) < _MAX_PROPERTIES or key in properties:
                properties[key] = value

    def open_ids(self) -> list[str]:
        """Ids opened here and not ended."""
        with self._mutex:
            return list(self._properties)
