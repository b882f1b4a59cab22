"""Scaffold: the package that ``h2ok ext new`` makes, with tests that pass at once."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from h2ok.capabilities.contracts import extension as kinds
from h2ok.capabilities.declaration import claims
from h2ok.capabilities.registry import Registry
from h2ok.kernel import IllegalArgumentError

__all__ = ["KINDS", "new_extension"]

_TEMPLATES = Path(__file__).parent / "templates"
#: What can be made.
KINDS = ("algo", "core", "parser", "persist", "primitive", "route")
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")
_MARK = re.compile(r"@(name|Name|module|dist|part)@")
#: The part of h2ok that the code of a kind imports; the others need the contracts alone.
_PARTS = {"algo": "h2ok-models", "parser": "h2ok-parsers", "primitive": "h2ok-rapids"}


def new_extension(kind: str, name: str, folder: Path) -> list[Path]:
    """Write a package ``h2ok-NAME`` into ``folder``; the files made.

    Raises
    ------
    IllegalArgumentError
        The kind or the name cannot be used, an installed extension has the name, or the folder holds something already.
    """
    if kind not in KINDS:
        raise IllegalArgumentError(f"There is no template for '{kind}'. Kinds: {', '.join(KINDS)}.", argument="kind")
    if not _NAME.match(name) or keyword.iskeyword(name):
        raise IllegalArgumentError(
            f"'{name}' cannot be the name of a module; lower-case letters, digits and '_' were expected, a letter first.",
            argument="name",
        )
    _refuse_taken(kind, name)
    if folder.exists() and any(folder.iterdir()):
        raise IllegalArgumentError(f"'{folder}' is not empty. Give another folder with --to.", argument="to")
    words = {
        "name": name,
        "Name": name.title().replace("_", ""),
        "module": f"h2ok_{name}",
        "dist": f"h2ok-{name.replace('_', '-')}",
        "part": _PARTS.get(kind, "h2ok-capabilities"),
    }
    made = []
    for source in sorted([*(_TEMPLATES / "common").rglob("*.tmpl"), *(_TEMPLATES / kind).rglob("*.tmpl")]):
        relative = source.relative_to(source.parents[len(source.relative_to(_TEMPLATES).parts) - 2])
        target = folder / _filled(str(relative).removesuffix(".tmpl"), words)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_filled(source.read_text(), words))
        made.append(target)
    return made


def _refuse_taken(kind: str, name: str) -> None:
    """A second extension of a name, or one that provides what another does, would be blocked at every start."""
    word = {
        "algo": kinds.KINDS[kinds.Algo].word,
        "core": kinds.KINDS[kinds.CoreExtension].word,
        "parser": kinds.KINDS[kinds.Parser].word,
        "persist": "URI scheme",
        "primitive": "primitive",
        "route": kinds.KINDS[kinds.Routes].word,
    }[kind]
    for x in Registry.discover().loaded:
        provided = {(w, n.lower()) for w, n in claims(x.extension)} if x.extension is not None else set()
        what = f"the {word}" if (word, name) in provided else "its name" if x.name == name else ""
        if what:
            owner = f"the installed extension '{x.name}' ({x.distribution} {x.version})"
            raise IllegalArgumentError(f"'{name}' is taken: {owner} has {what}. Choose another name.", argument="name")


def _filled(text: str, words: dict[str, str]) -> str:
    return _MARK.sub(lambda m: words[m[1]], text)
