"""Router: which route answers a method and path.

A path starts with an integer version. Among the routes that fit the rest of the path the exact version wins, otherwise the highest
one below. Literal segments win over parameters. A segment is percent-decoded after splitting, so ``a%2Fb`` reaches a handler as
``a/b``; keys of frames may also hold plain slashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.routes import Route

__all__ = ["Bound", "Match", "Router"]

#: First segments whose second one is a key that may hold slashes.
_GREEDY = ("Frames", "DKV")
#: First segments whose routes end with the key of a frame, which may hold slashes.
_GREEDY_END = ("Predictions", "ModelMetrics")
_MAX_SEGMENTS = 64
_VERSION = re.compile(r"[0-9]{1,9}\Z")


@dataclass(frozen=True, slots=True)
class Bound:
    """A route and the name of the group that provides it."""

    route: Route
    group: str

    @property
    def version(self) -> int:
        head = self.route.path.split("/", 2)[1]
        return int(head) if _VERSION.match(head) else 0


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request with its path parameters, decoded."""

    bound: Bound
    params: dict[str, str]


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    params: dict[str, _Node] = field(default_factory=dict)
    #: method -> version -> route
    ends: dict[str, dict[int, Bound]] = field(default_factory=dict)


class Router:
    """Routes of all groups. Clashes are kept for the report; the first route stays."""

    def __init__(self) -> None:
        self._root = _Node()
        self.bound: list[Bound] = []
        self.clashes: list[str] = []

    def add(self, group: str, routes: Iterable[Route]) -> None:
        """Take in the routes of a group."""
        for route in routes:
            bound = Bound(route, group)
            node = self._root
            for part in _pattern(route.path):
                node = _child(node, part)
            versions = node.ends.setdefault(route.method, {})
            other = versions.get(bound.version)
            if other is not None:
                self.clashes.append(
                    f"{route.method} {route.path} of '{group}' is already provided by '{other.group}'; the first one is used."
                )
                continue
            versions[bound.version] = bound
            self.bound.append(bound)

    def find(self, method: str, raw_path: str) -> Match | None:
        """The match of a path as it is on the wire (still percent-encoded), or None."""
        head, *rest = raw_path.split("/")[1:] or [""]
        if _VERSION.match(head):
            version, parts = int(head), [unquote(p) for p in rest]
        else:
            version, parts = 0, [unquote(p) for p in (head, *rest)]
        if len(parts) > _MAX_SEGMENTS:
            return None
        return _walk(self._root, parts, 0, method, version, {}) or self._greedy(method, version, parts)

    def _greedy(self, method: str, version: int, parts: list[str]) -> Match | None:
        """Keys with slashes: the route with the longest fixed end wins, as ``/columns/{column}/domain``."""
        if len(parts) >= 3 and parts[0] in _GREEDY_END:
            return self._greedy_end(method, version, parts)
        if len(parts) < 3 or parts[0] not in _GREEDY:
            return None
        best: tuple[tuple[int, int], Match] | None = None
        for bound in self.bound:
            pattern = _pattern(bound.route.path)
            if bound.route.method != method or bound.version > version or len(pattern) < 2 or pattern[0] != parts[0]:
                continue
            ends, n = pattern[2:], len(pattern) - 2
            tail = parts[len(parts) - n :] if n else []
            if not pattern[1].startswith("{") or n > len(parts) - 2 or not _fits(ends, tail):
                continue
            rank = (n, bound.version)
            if best is None or rank > best[0]:
                params = {pattern[1][1:-1]: "/".join(parts[1 : len(parts) - n])}
                params.update({e[1:-1]: t for e, t in zip(ends, tail, strict=True) if e.startswith("{")})
                best = (rank, Match(bound, params))
        return best[1] if best else None

    def _greedy_end(self, method: str, version: int, parts: list[str]) -> Match | None:
        """A key with slashes at the end: the longest route wins, as ``/models/{model}/frames/{frame}``."""
        best: tuple[tuple[int, int], Match] | None = None
        for bound in self.bound:
            pattern = _pattern(bound.route.path)
            n = len(pattern) - 1
            if bound.route.method != method or bound.version > version or not 0 < n < len(parts) or pattern[0] != parts[0]:
                continue
            if pattern[n] != "{frame}" or not _fits(pattern[:n], parts[:n]):
                continue
            rank = (n, bound.version)
            if best is None or rank > best[0]:
                params = {p[1:-1]: part for p, part in zip(pattern[:n], parts[:n], strict=True) if p.startswith("{")}
                best = (rank, Match(bound, {**params, "frame": "/".join(parts[n:])}))
        return best[1] if best else None


def _pattern(path: str) -> list[str]:
    head, *rest = path.split("/")[1:]
    return rest if _VERSION.match(head) else [head, *rest]


def _child(node: _Node, part: str) -> _Node:
    if part.startswith("{"):
        return node.params.setdefault(part[1:-1], _Node())
    return node.literals.setdefault(part, _Node())


def _walk(node: _Node, parts: list[str], i: int, method: str, version: int, params: dict[str, str]) -> Match | None:
    if i == len(parts):
        versions = node.ends.get(method)
        best = max((v for v in versions if v <= version), default=-1) if versions else -1
        return Match(versions[best], dict(params)) if versions and best >= 0 else None
    literal = node.literals.get(parts[i])
    if literal is not None:
        found = _walk(literal, parts, i + 1, method, version, params)
        if found is not None:
            return found
    for name, child in node.params.items():
        found = _walk(child, parts, i + 1, method, version, {**params, name: parts[i]})
        if found is not None:
            return found
    return None


def _fits(ends: list[str], tail: list[str]) -> bool:
    return all(e == t or e.startswith("{") for e, t in zip(ends, tail, strict=True))
