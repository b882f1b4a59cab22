"""Views: temporaries that are columns of a stored frame, so that what changes a column in place changes it in all of them."""

from __future__ import annotations

from h2ok.ext.rapids.ast import Ast, Call, Ident
from h2ok.ext.rapids.evaluate import Env
from h2ok.kernel import Frame

__all__ = ["change_in_place", "root_of"]

_PICKS = ("cols", "cols_py")


def root_of(env: Env, tree: Ast) -> str:
    """Key of the stored frame whose columns a tree picks, as they are; empty when the tree makes columns of its own.

    A temporary that is a view stands for the frame it is a view of: ``f[["a", "b"]]["a"]`` has the root ``f``.
    """
    while isinstance(tree, Call) and len(tree.items) == 3 and isinstance(tree.items[0], Ident):
        name, first, second = tree.items[0].name, tree.items[1], tree.items[2]
        if name == "tmp=":
            return root_of(env, second) or env.expand(env.text(first))
        if name not in _PICKS:
            return ""
        tree = first
    if not isinstance(tree, Ident):
        return ""
    found = env.lookup(tree.name)
    return env.session.views.get(found.key, found.key) if isinstance(found, Frame) else ""


def change_in_place(env: Env, root: str, before: Frame, after: Frame) -> None:
    """Put the columns of ``after`` in the place of those of ``before``: in the frame itself, in its root and in the views of that.

    Columns are told by what they hold, not by their names: a frame whose column has been replaced since keeps it.
    """
    if before.key:
        env.node.frames.put(after.renamed(before.key))
    changed = {old.key: new for old, new in zip(before.vecs, after.vecs, strict=True) if new is not old}
    if not root or not changed:
        return
    for key in (root, *(k for k, r in env.session.views.items() if r == root)):
        held = env.node.dkv.get(key)
        if key != before.key and isinstance(held, Frame) and any(v.key in changed for v in held.vecs):
            env.node.frames.put(Frame(key, held.names, tuple(changed.get(v.key, v) for v in held.vecs)))
