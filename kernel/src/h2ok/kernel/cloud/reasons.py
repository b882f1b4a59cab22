"""Reasons: why a node may not take part in a cloud, in words for people."""

from __future__ import annotations

from h2ok.kernel.cloud.cloud import Member

__all__ = ["SHUT_DOWN", "cut_off_text", "dead_text", "late_text"]

#: Of a member that said that it ends, which is no fault.
SHUT_DOWN = "it was shut down"


def late_text(cloud: str, reason: str, view: tuple[Member, ...]) -> str:
    """Of a node that comes to a locked cloud which takes none."""
    return (
        f"Cloud '{cloud}' of {len(view)} nodes ({_names(view)}) is locked ({reason}) and takes no new nodes. "
        "Start all nodes before the first data is loaded, or restart the cloud with the new node in its flatfile, "
        "or start the new node with another --name."
    )


def dead_text(member: Member, reason: str) -> str:
    """Of a member that was given up and is heard again."""
    return (
        f"Node {member.node.name} was declared dead by its cloud: {reason}. Its keys may be stale, so it cannot return. "
        "Restart it, or raise the dead limit when pauses of that length are normal."
    )


def cut_off_text(me: Member, silent: tuple[Member, ...]) -> str:
    """Of a member that hears too few of the others."""
    return (
        f"Node {me.node.name} hears no majority of its cloud any more ({_names(silent)}) and leaves it: two "
        "parts of a cloud must not go on apart. Check the network between the nodes, then restart this one."
    )


def _names(view: tuple[Member, ...]) -> str:
    shown = ", ".join(m.node.name for m in view[:8])
    return shown if len(view) <= 8 else f"{shown} and {len(view) - 8} more"
