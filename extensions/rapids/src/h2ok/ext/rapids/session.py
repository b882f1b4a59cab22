"""Sessions: each runs one expression at a time and owns the temporary frames it made with ``tmp=``."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.primitive import Primitive
from h2ok.capabilities.removal import remove_key
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.fused import LazyFrame, force
from h2ok.ext.rapids.parser import parse
from h2ok.kernel import Frame

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["Session", "Sessions"]

#: Session of requests that name none.
ANONYMOUS = "_anonymous"


class Session:
    """Temporaries and settings of one client."""

    def __init__(self, id_: str, sessions: Sessions) -> None:
        self.id = id_
        self.runtime = sessions.runtime
        self.temps: set[str] = set()
        #: Temporaries that are columns of stored frames, with the keys of these; see the module ``views``.
        self.views: dict[str, frozenset[str]] = {}
        #: Named settings of this node, shared by its sessions.
        self.settings = sessions.settings
        self._sessions = sessions
        self._lock = threading.RLock()

    def execute(self, text: str) -> tuple[Any, bool]:
        """(value, whether it is a frame this expression stored under its key).

        Frames come back materialised; what was not stored is removed before this returns.
        """
        tree = parse(text)
        with self._lock, self.runtime.node.scopes.enter():
            env = Env(self)
            try:
                value = env.evaluate(tree)
                if isinstance(value, LazyFrame):
                    value = force(env.node, value)
            except RecursionError:
                # The cause would hold a thousand frames of the interpreter and all their values.
                raise BadRequestError(
                    "The expression applies functions inside functions too deep. Store a part with (tmp= id ...) and use its id."
                ) from None
            return value, isinstance(value, Frame) and value.key in env.stored

    def primitive(self, name: str) -> Primitive | None:
        """The primitive of that name that some active extension provides."""
        return self._sessions.primitive(name)

    # -- stored frames ------------------------------------------------------------------------------------------------

    def store_temp(self, env: Env, key: str, frame: Frame, roots: frozenset[str] = frozenset()) -> Frame:
        """Store a temporary of this session; ``roots``: keys of the stored frames whose columns it is.

        Raises
        ------
        BadRequestError
            The key holds something else.
        """
        old = env.node.dkv.get(key)
        if old is not None and not _same(old, frame):
            raise BadRequestError(
                f"Attempt to make the temporary '{key}', but that id exists already. Remove it first: (rm {key}).", key=key
            )
        self.temps.add(key)
        if roots - {key}:
            self.views[key] = roots - {key}
        env.stored.add(key)
        return env.node.frames.put(frame.renamed(key))

    def store_global(self, env: Env, key: str, frame: Frame) -> Frame:
        """Store a frame that outlives the session.

        Raises
        ------
        BadRequestError
            The key is a temporary of this session.
        """
        if key in self.temps:
            raise BadRequestError(f"Cannot assign to '{key}': it is a temporary of this session. Choose another id.", key=key)
        env.stored.add(key)
        return env.node.frames.put(frame.renamed(key))

    def remove(self, env: Env, key: str) -> bool:
        """Remove any stored object; whether there was one. An unknown key is fine."""
        self.temps.discard(key)
        self.views.pop(key, None)
        return remove_key(self.runtime, key)

    def rename(self, env: Env, old: str, new: str) -> None:
        """Move a stored object to another key.

        Raises
        ------
        BadRequestError
            Nothing is stored under ``old``.
        """
        value = env.node.dkv.get(old)
        if value is None:
            raise BadRequestError(f"Cannot rename '{old}': nothing is stored under that key. Objects: (ls).", key=old)
        if old == new:
            return
        if isinstance(value, Frame):
            env.node.frames.put(value.renamed(new))
        else:
            env.node.dkv.put(new, value)
        if old in self.temps:
            self.temps.discard(old)
            self.temps.add(new)
        self.views = {
            new if key == old else key: frozenset(new if r == old else r for r in roots) for key, roots in self.views.items()
        }
        # What the object owns stays with it.
        remove_key(self.runtime, old, cascade=False)

    def end(self) -> None:
        """Remove the temporaries that are left."""
        with self._lock:
            temps, self.temps, self.views = self.temps, set(), {}
            for key in sorted(temps):
                self.runtime.node.frames.remove(key)


class Sessions:
    """All sessions of this node; the service ``rapids.sessions``."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        #: What primitives keep for the whole node between expressions.
        self.settings: dict[str, Any] = {}
        self._sessions: dict[str, Session] = {}
        self._primitives: dict[str, Primitive] = {}
        self._lock = threading.Lock()

    def new_id(self) -> str:
        """A fresh session id, ``_sid_`` and four hex digits as H2O makes them; longer when those run out."""
        with self._lock:
            for digits in (4, 8, 16):
                for _ in range(64):
                    id_ = f"_sid_{secrets.token_hex(digits // 2)}"
                    if id_ not in self._sessions:
                        self._sessions[id_] = Session(id_, self)
                        return id_
        raise RuntimeError("No free session id.")

    def get(self, session_id: str | None) -> Session:
        """The session of that id, made when it is new; without an id the anonymous one."""
        id_ = session_id or ANONYMOUS
        with self._lock:
            found = self._sessions.get(id_)
            if found is None:
                found = self._sessions[id_] = Session(id_, self)
            return found

    def end(self, session_id: str) -> None:
        """End a session and drop its temporaries; an unknown id is fine."""
        with self._lock:
            session = self._sessions.pop(session_id, None)
        if session is not None:
            session.end()

    def primitive(self, name: str) -> Primitive | None:
        """The primitive of that name; its module is imported on first use."""
        found = self._primitives.get(name)
        if found is None:
            declared = self.runtime.registry.primitives_for(name)
            if declared is None:
                from h2ok.ext.rapids.primitives.models import UNAVAILABLE

                return UNAVAILABLE.get(name)
            for p in self.runtime.registry.load(declared):
                self._primitives.setdefault(p.name, p)
            found = self._primitives.get(name)
            if found is None:
                raise BadRequestError(
                    f"Extension module '{declared.target}' declares the primitive '{name}' but does not define it."
                )
        return found

    def close(self) -> None:
        """Forget all sessions; the node is going down with its keys."""
        with self._lock:
            self._sessions.clear()


def _same(old: Any, frame: Frame) -> bool:
    if not isinstance(old, Frame):
        return False
    same_vecs = [v.key for v in old.vecs] == [v.key for v in frame.vecs] and np.array_equal(old.espc, frame.espc)
    return old.names == frame.names and same_vecs and [v.domain for v in old.vecs] == [v.domain for v in frame.vecs]
