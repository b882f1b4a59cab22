"""Peer: what a node knows of one address while it looks for its cloud and is in it; and the times that count for that."""

from __future__ import annotations

import math
from dataclasses import dataclass

from h2ok.kernel.cloud.members import H2ONode, Member

__all__ = ["MembershipSettings", "Peer"]


@dataclass(frozen=True, slots=True)
class MembershipSettings:
    """Seconds between heartbeats; of silence until suspect; until dead; a lock round may take until it is tried again.

    Parameters
    ----------
    quorum : a part that hears no majority gives itself up.
    elastic : a locked cloud takes newcomers.
    seeks : addresses of others are found while the node runs.
    """

    heartbeat: float = 1.0
    suspect: float = 3.0
    dead: float = 10.0
    lock_round: float = 5.0
    quorum: bool = False
    elastic: bool = False
    seeks: bool = False


@dataclass(slots=True)
class Peer:
    """What is known of one address. ``member`` is None until it was heard."""

    node: H2ONode
    since: float
    configured: bool
    member: Member | None = None
    #: Whether it is known to be there or not.
    tried: bool = False
    view: tuple[Member, ...] = ()
    heard: float = 0.0
    sent: float = -1e9
    #: When this node sent the latest heartbeat that the peer answered as a member.
    answered: float = -math.inf
