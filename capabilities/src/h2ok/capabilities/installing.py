"""Installing: what to type for a part of h2ok that is not there - never the name of a package made of what somebody typed."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["how_to_get", "nearest", "pip_install", "scheme_hint"]

#: Extensions that come with h2ok.
BUILT_IN = ("algos", "demo", "frames", "hosts", "kubernetes", "models", "parsers", "persist_http", "rapids", "rest", "watchdog")
#: Extensions that are installed on request: name -> optional part of the distribution h2ok.
OPTIONAL = {"persist_s3": "s3", "xgboost": "xgboost"}
_SCHEMES = {"http": "persist_http", "https": "persist_http", "s3": "persist_s3", "s3a": "persist_s3", "s3n": "persist_s3"}


def pip_install(part: str = "") -> str:
    """The command that installs h2ok, or it with an optional part. There is no release: it is typed in a checkout."""
    return f'pip install ".[{part}]" (in a checkout of h2ok)' if part else "pip install . (in a checkout of h2ok)"


def how_to_get(extension: str, installed: Iterable[str]) -> str:
    """A sentence on how an extension that is not installed can be had: the command where it is one of h2ok's, the nearest name
    where it looks misspelt, else where names of others are found.
    """
    if extension in OPTIONAL or extension in OPTIONAL.values():
        return f"It is an optional part of h2ok. Install it: {pip_install(OPTIONAL.get(extension, extension))}."
    if extension in BUILT_IN:
        return f"It comes with h2ok. Install that again: {pip_install()}."
    near = nearest(extension, {*installed, *BUILT_IN, *OPTIONAL})
    return near or "It is none of h2ok's own. Install the package that brings it."


def nearest(name: str, known: Iterable[str]) -> str:
    """``Nearest: 'glm', 'gbm'.`` for a name that looks like known ones, the most alike first; else empty."""
    near = get_close_matches(name, sorted(known), 3, cutoff=0.6)
    return f"Nearest: {', '.join(map(repr, near))}." if near else ""


def scheme_hint(scheme: str) -> str:
    """Who reads and writes paths of a scheme that no active extension serves, in a sentence or two."""
    owner = _SCHEMES.get(scheme, "")
    if owner:
        return f"The extension {owner} brings it: {how_to_get(owner, ())}"
    return "No part of h2ok knows them; an extension of yours may (h2ok ext new persist)."
