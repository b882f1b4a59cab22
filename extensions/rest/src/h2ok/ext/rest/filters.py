"""Filters of answers: ``_exclude_fields`` and ``_include_fields``, comma-separated paths such as ``frames/columns/data,__meta``."""

from __future__ import annotations

from typing import Any

__all__ = ["exclude_fields", "include_fields"]

_Tree = dict[str, Any]


def exclude_fields(answer: Any, paths: str) -> Any:
    """The answer without the fields at ``paths``; a path goes through lists."""
    tree = _tree(paths)
    return _exclude(answer, tree) if tree else answer


def include_fields(answer: Any, paths: str) -> Any:
    """The answer with nothing but the fields at ``paths`` (and what lies below them)."""
    tree = _tree(paths)
    return _include(answer, tree) if tree else answer


def _tree(paths: str) -> _Tree:
    root: _Tree = {}
    for path in paths.split(","):
        node = root
        for part in path.strip().strip("/").split("/"):
            if part:
                node = node.setdefault(part, {})
    return root


def _exclude(value: Any, tree: _Tree) -> Any:
    if isinstance(value, list):
        return [_exclude(v, tree) for v in value]
    if not isinstance(value, dict):
        return value
    # An empty subtree is the end of a path: the field goes as a whole.
    return {k: _exclude(v, tree[k]) if tree.get(k) else v for k, v in value.items() if tree.get(k) != {}}


def _include(value: Any, tree: _Tree) -> Any:
    if isinstance(value, list):
        return [_include(v, tree) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: _include(v, tree[k]) if tree[k] else v for k, v in value.items() if k in tree}
