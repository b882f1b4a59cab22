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
        #: (who said so last, since when, when it was said last) while a cloud lets this node wait.
        self._waiting: tuple[H2ONode, float, float] | None = None
        #: What a member that tried to take this node in said that failed, and when.
        self._problem: tuple[str, float] = ("", now)
        self._misfit: tuple[float, str] | None = None
        self._told: set[tuple[str, bool]] = set()

    @property
    def waiting(self) -> bool:
        """Whether a cloud that was formed lets this node wait."""
        return self._waiting is not None or self.offer is not None

    def waits(self, by: H2ONode, problem: str, now: float, actions: list[Action]) -> None:
        """A member lets this node wait. ``problem``: what failed when that member tried to take it in; the others do not know."""
        since = now if self._waiting is None else self._waiting[1]
        self._waiting = (by, since, now)
        if problem:
            self._problem = (f"{by.name} {problem}", now)
        elif now - self._problem[1] > self._patience:
            self._problem = ("", now)
        self._tell(now, actions)

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
            if now - self._waiting[2] > self._patience:
                self._waiting = None
            self._tell(now, actions)
        return self._misfit[1] if self._misfit is not None and alone and now - self._misfit[0] > _MISFIT_SECONDS else ""

    def outside(self, now: float, sought: Sequence[H2ONode], *, looks: bool, alone: bool) -> str:
        """Why this node is outside; empty when it is not.

        Parameters
        ----------
        sought : who has neither answered yet nor been found to be silent.
        looks : whether there may be somebody who was not tried yet.
        alone : it is with nobody.
        """
        if self.waiting:
            return self._text()
        if self._misfit is not None and alone:
            return self._misfit[1]
        if looks and now < self._found_by:
            names = f" ({', '.join(n.name for n in sought[:8])})" if sought else ""
            return f"It looks for the other nodes of cloud '{self._cloud}'{names}."
        return ""

    def _text(self) -> str:
        why = self._problem[0] if self._waiting is not None else "it is being given its share of the keys"
        return f"Cloud '{self._cloud}' has been formed, and this node is not in it yet: {why or 'the others make room for it'}."

    def _tell(self, now: float, actions: list[Action]) -> None:
        """Log once what comes with every heartbeat, and once more when it has become a problem."""
        if self._waiting is None:
            return
        text = f"{self._text()} Until it is, GET /ready answers 503."
        # At once it is none: a newcomer waits until it has its share.
        problem = bool(self._problem[0]) or now - self._waiting[1] >= self._patience
        if (text, problem) not in self._told:
            self._told.add((text, problem))
            actions.append(Log(text, problem=problem))
