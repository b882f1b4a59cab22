"""BlockStates: what blocks keep on their node between the tasks of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from h2ok.kernel.dkv.local import LocalStore

if TYPE_CHECKING:
    from h2ok.kernel.node import Node
    from h2ok.kernel.task.mrtask import Block

__all__ = ["BlockStates"]


class BlockStates:
    """By session and index of the block; see ``Block.state``, ``Block.cache`` and ``Block.stash``."""

    def __init__(self, node: Node) -> None:
        self._budget = node.dkv.budget
        self._states: dict[tuple[str, int], dict[str, Any]] = {}
        #: Bytes of what blocks keep in their state because there was room.
        self._cached: dict[tuple[str, int], int] = {}
        #: Wire values, which may go to disk meanwhile.
        self._stashed = LocalStore(node.dkv.budget, node.spill)

    def of(self, session: str, index: int) -> dict[str, Any]:
        """What block ``index`` keeps; new each time without a session."""
        return self._states.setdefault((session, index), {}) if session else {}

    def sessions(self) -> set[str]:
        """The sessions that some block keeps a state of."""
        return {session for session, _ in list(self._states)}

    def cache(self, block: Block, name: str, value: Any, nbytes: int) -> bool:
        """See ``Block.cache``."""
        if block.session and self._budget.limit:
            if self._budget.resident + nbytes > self._budget.limit:
                return False
            key = block.session, block.index
            self._cached[key] = self._cached.get(key, 0) + nbytes
            self._budget.add(nbytes)
        block.state[name] = value
        return True

    def stash(self, block: Block, name: str, value: Any) -> None:
        """See ``Block.stash``."""
        self._stashed.set(_stash_key(block, name), value)

    def unstash(self, block: Block, name: str) -> Any:
        """See ``Block.unstash``."""
        return self._stashed.pop(_stash_key(block, name))

    @property
    def stashed(self) -> list[str]:
        """Names of all that is stashed now, in memory or on disk."""
        return list(self._stashed)

    def free(self, session: str) -> None:
        """Drop all that blocks keep for a session."""
        for key in [k for k in list(self._states) if k[0] == session]:
            self._states.pop(key, None)
            self._budget.add(-self._cached.pop(key, 0))
        for name in [k for k in self.stashed if k.startswith(f"{session}/")]:
            self._stashed.drop(name)


def _stash_key(block: Block, name: str) -> str:
    return f"{block.session}/{block.index}/{name}"
