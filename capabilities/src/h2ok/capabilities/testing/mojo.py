"""MojoFile: a MOJO as H2O's scoring library sees it, for tests of codecs."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass, field
from typing import Any

__all__ = ["MojoFile"]

#: Type of what every reader looks up in the info section; a value of another type is refused by it.
_REQUIRED: dict[str, type | tuple[type, ...]] = {
    "mojo_version": float,
    "algorithm": str,
    "category": str,
    "supervised": bool,
    "n_features": int,
    "n_classes": int,
    "n_columns": int,
    "n_domains": int,
    "balance_classes": bool,
    "default_threshold": float,
    "prior_class_distrib": (list, type(None)),
    "model_class_distrib": (list, type(None)),
}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class MojoFile:
    """``info`` with values of the types the library guesses; ``domains`` by column name; ``files``: the algorithm's own."""

    info: dict[str, Any]
    columns: list[str]
    domains: dict[str, list[str]]
    files: dict[str, bytes] = field(repr=False)

    @classmethod
    def read(cls, data: bytes) -> MojoFile:
        """From the bytes of the zip.

        Raises
        ------
        ValueError
            Something every MOJO has is missing, or is not as the library expects it.
        """
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        sections: dict[str, list[str]] = {"[info]": [], "[columns]": [], "[domains]": []}
        current: list[str] = []
        for line in files.pop("model.ini").decode().splitlines():
            text = line.strip()
            if text in sections:
                current = sections[text]
            elif text and not text.startswith("#"):
                current.append(text)
        info = {k.strip(): _guessed(v.strip()) for k, _, v in (line.partition("=") for line in sections["[info]"])}
        columns = sections["[columns]"]
        domains = {}
        for line in sections["[domains]"]:
            index, count, name = line.replace(":", "").split()
            levels = [_ESCAPE.sub(_unescaped, level) for level in files.pop(f"domains/{name}").decode().split("\n")[:-1]]
            if len(levels) != int(count):
                raise ValueError(f"{name} holds {len(levels)} levels, model.ini says {count}.")
            domains[columns[int(index)]] = levels
        out = cls(info, columns, domains, files)
        out._check()
        return out

    def _check(self) -> None:
        for key, kind in _REQUIRED.items():
            if key not in self.info:
                raise ValueError(f"model.ini has no '{key}', which every MOJO has.")
            if not isinstance(self.info[key], kind):
                raise ValueError(f"'{key}' in model.ini is {self.info[key]!r}; {kind} was expected. Floats need a point.")
        if (self.info["n_columns"], self.info["n_domains"]) != (len(self.columns), len(self.domains)):
            raise ValueError(
                f"model.ini counts other columns or domains than the {len(self.columns)} and {len(self.domains)} it has."
            )


def _guessed(text: str) -> Any:
    """A value by its look, as the library takes it."""
    if text in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[text]
    if text.startswith("[") and text.endswith("]"):
        return [_guessed(v.strip()) for v in text[1:-1].split(",")] if text != "[]" else []
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _unescaped(match: re.Match[str]) -> str:
    return {"n": "\n", "r": "\r"}.get(match[1], match[1])
