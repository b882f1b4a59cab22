"""Views: temporaries that are columns of stored frames, so that what changes a column in place changes it in all of them."""

from __future__ import annotations

from h2ok.ext.rapids.ast import Ast, Call, Ident
from h2ok.ext.rapids.evaluate import Env
from h2ok.kernel import Frame

__all__ = ["change_in_place", "roots_of"]

#: Primitives whose answer has the columns of its arguments as they are: the first argument, or all of them.
_OF_FIRST, _OF_ALL = ("cols", "cols_py", "colnames="), ("cbind",)
_NONE: frozenset[str] = frozenset()


def roots_of(env: Env, tree: Ast) -> frozenset[str]:
    """Keys of the stored frames whose columns a tree picks or joins, as they are; none when it makes columns of its own.

    A temporary that is a view stands for the frames it is a view of: ``f[["a", "b"]]["a"]`` has the root ``f``.
    """
    if isinstance(tree, Call) and len(tree.items) > 1 and isinstance(tree.items[0], Ident):
        name, first = tree.items[0].name, tree.items[1]
        if name == "tmp=" and len(tree.items) == 3:
            return roots_of(env, tree.items[2]) or frozenset((env.expand(env.text(first)),))
        if name in _OF_FIRST:
            return roots_of(env, first)
        return _NONE.union(*(roots_of(env, t) for t in tree.items[1:])) if name in _OF_ALL else _NONE
    if not isinstance(tree, Ident):
        return _NONE
    found = env.lookup(tree.name)
    return env.session.views.get(found.key, frozenset((found.key,))) if isinstance(found, Frame) and found.key else _NONE


def change_in_place(env: Env, roots: frozenset[str], before: Frame, after: Frame) -> None:
    """Put the columns of ``after`` in the place of those of ``before``: in the frame itself, in its roots and in their views.

    Columns are told by what they hold, not by their names: a frame whose column has been replaced since keeps it.
    """
    if before.key:
        env.node.frames.put(after.renamed(before.key))
    changed = {old.key: new for old, new in zip(before.vecs, after.vecs, strict=True) if new is not old}
    if not changed:
        return
    for key in roots.union(k for k, others in env.session.views.items() if others & roots):
        held = env.node.dkv.get(key)
        if key != before.key and isinstance(held, Frame) and any(v.key in changed for v in held.vecs):
            env.node.frames.put(Frame(key, held.names, tuple(changed.get(v.key, v) for v in held.vecs)))
