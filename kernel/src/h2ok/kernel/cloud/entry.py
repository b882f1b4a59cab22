"""Entry: one node's way into the cloud it looks for, until it is a member of it; see ``Membership``. No sockets, no clock."""

from __future__ import annotations

from collections.abc import Sequence

from h2ok.kernel.cloud.cloud import H2ONode, Member
from h2ok.kernel.cloud.messages import Action, Log

__all__ = ["Entry"]

#: A node that met only nodes it does not fit to gives up after this.
_MISFIT_SECONDS = 5.0


class Entry:
    """What keeps a node outside, and for how long that says anything.

    A node that is given addresses looks for them first: a cloud that it belongs to may be behind them. One that is told to wait
    by a locked cloud waits as long as that cloud is heard.

    Parameters
    ----------
    cloud : its name, for people.
    now : when the node was started, in seconds of any clock that does not go back.
    heartbeat : seconds between heartbeats; two of them are the time to answer one.
    patience : seconds after which a word that was not repeated says nothing any more.
    """

    def __init__(self, cloud: str, now: float, heartbeat: float, patience: float) -> None:
        self._cloud = cloud
        self._found_by = now + 2 * heartbeat
        self._patience = patience
        #: What a locked cloud told this node that joins it: the view with it inside, and why it is locked.
        self.offer: tuple[tuple[Member, ...], str] | None = None
        #: (who said so, why, since when, when it was said last) while a cloud lets this node wait.
        self._waiting: tuple[H2ONode, str, float, float] | None = None
        self._misfit: tuple[float, str] | None = None
        self._told: set[str] = set()

    def waits(self, by: H2ONode, why: str, now: float, actions: list[Action]) -> None:
        """A member lets this node wait."""
        since = now if self._waiting is None else self._waiting[2]
        self._waiting = (by, why, since, now)
        # At once it is no problem: a newcomer waits until it has its share.
        self._tell(why, now - since >= self._patience, actions)

    def misfits(self, why: str, now: float) -> None:
        """A node does not fit together with this one."""
        self._misfit = self._misfit or (now, why)

    def met(self, node: H2ONode) -> None:
        """A node takes this one for a member of its cloud, which is not locked."""
        if self._waiting is not None and self._waiting[0] == node:
            self._waiting = None

    def lost(self, node: H2ONode, *, alone: bool) -> None:
        """A node is not there any more. ``alone``: nor is any other one."""
        self.met(node)
        if alone:
            self.offer = None

    def tick(self, now: float, *, alone: bool, actions: list[Action]) -> str:
        """Time has passed: why this node gives up, if it does. ``alone``: it is with nobody."""
        if self._waiting is not None:
            _, why, since, last = self._waiting
            if now - last > self._patience:
                self._waiting = None
            else:
                self._tell(why, now - since >= self._patience, actions)
        return self._misfit[1] if self._misfit is not None and alone and now - self._misfit[0] > _MISFIT_SECONDS else ""

    def outside(self, now: float, sought: Sequence[H2ONode], *, alone: bool) -> str:
        """Why this node is outside; empty when it is not. ``sought``: who has neither answered yet nor been found to be silent."""
        if self._waiting is not None or self.offer is not None:
            why = self._waiting[1] if self._waiting is not None else "it is being given its share of the keys"
            return f"Cloud '{self._cloud}' holds data and this node is not in it yet: {why}."
        if self._misfit is not None and alone:
            return self._misfit[1]
        if sought and now < self._found_by:
            return f"It looks for the other nodes of cloud '{self._cloud}' ({', '.join(n.name for n in sought[:8])})."
        return ""

    def _tell(self, why: str, problem: bool, actions: list[Action]) -> None:
        """Log once what comes with every heartbeat, and once more when it has become a problem."""
        text = f"Cloud '{self._cloud}' holds data and this node is not in it yet: {why}. Until it is, GET /ready answers 503."
        key = f"{problem} {text}"
        if key not in self._told:
            self._told.add(key)
            actions.append(Log(text, problem=problem))
