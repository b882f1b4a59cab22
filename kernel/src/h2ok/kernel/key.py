"""Keys: the names of everything in the DKV, and the slot each belongs to; a Placement says which members hold a slot.

A key is text. User keys (frames, models) are any text that does not start with the control character U+0001. System keys
start with it: chunk keys carry their index and the number of chunks of the vec, so that chunk i of every vec with the same
layout has the same slot and an MRTask finds all columns of a row range on one node.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import uuid

from h2ok.kernel.errors import IllegalArgumentError

__all__ = [
    "SLOTS",
    "chunk_key",
    "chunk_slot",
    "given_key",
    "is_chunk_key",
    "is_user_key",
    "maker_of",
    "parse_chunk_key",
    "process_token",
    "random_key",
    "sanitize",
    "slot_of",
]

#: Slots of the key space. Divisible by every number up to 8, so that small clouds share it evenly.
SLOTS = 840
_SYSTEM = "\x01"
_CHUNK = "\x01c"
_counter = itertools.count()
#: Characters of a random key that tell which process made it.
_TOKEN = 12
#: Random parts of keys, made so many at once; a forked process begins with none of its parent's.
_RESERVED = 256
_reserve: list[str] = []
os.register_at_fork(after_in_child=_reserve.clear)
_process = uuid.UUID(bytes=os.urandom(16)).hex[:_TOKEN]


def is_user_key(key: str) -> bool:
    """Whether clients may see the key in listings."""
    return not key.startswith(_SYSTEM)


def chunk_key(vec: str, index: int, n_chunks: int) -> str:
    """Key of chunk ``index`` of a vec of ``n_chunks`` chunks."""
    return f"{_CHUNK}{index}/{n_chunks}/{vec}"


def parse_chunk_key(key: str) -> tuple[str, int, int]:
    """(vec key, index, number of chunks) of a chunk key."""
    index, n, vec = key[len(_CHUNK) :].split("/", 2)
    return vec, int(index), int(n)


def is_chunk_key(key: str) -> bool:
    """Whether the key names a chunk. Chunks are written once: every copy of one is as good as any other."""
    return key.startswith(_CHUNK)


def chunk_slot(index: int, n_chunks: int) -> int:
    """Slot of a chunk: neighbours share slots, so that whole subtrees reduce on one node."""
    return index * SLOTS // n_chunks


def slot_of(key: str) -> int:
    """Slot of ``key``, the same on every node and in every process."""
    if key.startswith(_CHUNK):
        parts = key[len(_CHUNK) :].split("/", 2)
        # Clients may ask for any text; what only looks like a chunk key has a slot like every other key.
        if len(parts) == 3 and parts[0].isdecimal() and parts[1].isdecimal() and int(parts[0]) < int(parts[1]):
            return chunk_slot(int(parts[0]), int(parts[1]))
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") % SLOTS


def random_key(prefix: str = "", *, system: bool = False) -> str:
    """A key no other process makes; ``system`` hides it from listings."""
    unique = f"{_process}{next(_counter):x}{_random()}"
    return f"{_SYSTEM if system else ''}{prefix}{unique}"


def _random() -> str:
    """Eight random hexadecimal digits. PERF: from a reserve, for asking the system takes as long as a run over a small frame."""
    while True:
        try:
            return _reserve.pop()
        except IndexError:
            digits = os.urandom(4 * _RESERVED).hex()
            _reserve.extend(digits[i : i + 8] for i in range(0, len(digits), 8))


def process_token() -> str:
    """What every random key of this process holds."""
    return _process


def maker_of(name: str, prefix: str = "") -> str:
    """The token of the process that made a random key with ``prefix``."""
    return name[len(prefix) : len(prefix) + _TOKEN]


def given_key(name: str, argument: str = "destination_frame", *, slashes: bool = True) -> str:
    """The user key a client asks for, as it is: what it stores under a name it finds under that name.

    Raises
    ------
    IllegalArgumentError
        The name holds a control character, with which keys of the system begin; or, without ``slashes``, one of these.
    """
    if not slashes and "/" in name:
        raise IllegalArgumentError(
            f"{argument} '{name[:200]}' holds a slash, and clients could not reach what stands under it. Choose a name without "
            f"one, such as '{sanitize(name)[:200]}'.",
            argument=argument,
        )
    if any(ord(c) < 32 for c in name):
        raise IllegalArgumentError(
            f"The key {name[:200]!r} holds a control character, which keys may not. Choose another {argument}.", argument=argument
        )
    return name


def sanitize(name: str) -> str:
    """A part of a key the server makes of ``name``: slashes and control characters become ``_``."""
    return re.sub(r"[/\\\x00-\x1f]", "_", name)
