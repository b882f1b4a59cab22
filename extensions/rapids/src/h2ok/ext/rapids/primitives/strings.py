"""Functions of texts. Enum columns are treated level by level, string columns value by value."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import blockwise, fold, foldable, map_vecs
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.patterns import check_replacement, compile_pattern, expand_replacement, java_split
from h2ok.ext.rapids.primitives.levels import recode
from h2ok.ext.rapids.values import Numbers
from h2ok.kernel import Block, Frame, Node, OutputSpec, Vec

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives

#: Bytes of a word list.
MAX_WORDS_BYTES = 64 * 2**20
#: Columns strsplit may make.
MAX_SPLIT_COLUMNS = 10_000


def text_columns(value: Any, who: str) -> Frame:
    """A frame of string and enum columns.

    Raises
    ------
    BadRequestError
        A column is of another type.
    """
    frame = args.as_frame(value, f"argument of {who}")
    for n, v in zip(frame.names, frame.vecs, strict=True):
        if v.type not in ("string", "enum"):
            raise BadRequestError(f"{who} needs string or enum columns; '{n}' is {v.type}. Convert it first: (as.character ...).")
    return frame


def _numbered(frame: Frame) -> tuple[str, ...]:
    return tuple(f"C{j + 1}" for j in range(frame.n_cols))


# -- text to text ---------------------------------------------------------------------------------------------------------

#: name -> (parameters) -> function of one text.
_Maker = Callable[[dict[str, Any]], Callable[[str], str | None]]
_TEXT: dict[str, _Maker] = {}
_NUMBER: dict[str, Callable[[dict[str, Any]], Callable[[str], float]]] = {}


@blockwise
def _map_texts(block: Block, params: dict[str, Any]) -> None:
    fn = _TEXT[params["op"]](params)
    block.write(0, [None if s is None else fn(s) for s in block.strings(0)])


@blockwise
def _count_texts(block: Block, params: dict[str, Any]) -> None:
    fn = _NUMBER[params["op"]](params)
    values = (math.nan if s is None else fn(s) for s in block.strings(0))
    block.write(0, np.fromiter(values, dtype=np.float64, count=block.n_rows))


@blockwise
def _lookup(block: Block, params: dict[str, Any]) -> None:
    block.write(0, np.append(params["table"], np.nan)[block.codes(0)])


def map_text(node: Node, vec: Vec, op: str, **params: Any) -> Vec:
    """The column with every text (or level) replaced; levels that become equal are merged."""
    if vec.type == "string":
        return map_vecs(node, _map_texts, [vec], [OutputSpec("string")], op=op, **params)[0]
    fn = _TEXT[op](params)
    index: dict[str, int] = {}
    table = []
    for level in vec.domain or ():
        new = fn(level)
        table.append(-1 if new is None else index.setdefault(new, len(index)))
    return recode(node, vec, table, list(index))


def _text_to_number(node: Node, vec: Vec, op: str, **params: Any) -> Vec:
    if vec.type == "string":
        return map_vecs(node, _count_texts, [vec], op=op, **params)[0]
    fn = _NUMBER[op](params)
    table = np.array([fn(level) for level in vec.domain or ()], dtype=np.float64)
    return map_vecs(node, _lookup, [vec], table=table)[0]


def _texts(env: Env, fr: Any, op: str, **params: Any) -> Frame:
    frame = text_columns(fr, op)
    return Frame("", _numbered(frame), tuple(map_text(env.node, v, op, **params) for v in frame.vecs))


def _numbers(env: Env, fr: Any, op: str, **params: Any) -> Frame:
    frame = text_columns(fr, op)
    return Frame("", _numbered(frame), tuple(_text_to_number(env.node, v, op, **params) for v in frame.vecs))


def _strip_maker(side: str) -> _Maker:
    return lambda p: lambda s: getattr(s, side)(p["set"]) if p["set"] else s


def _substring(p: dict[str, Any]) -> Callable[[str], str]:
    start, end = p["start"], p["end"]
    return lambda s: s[start : len(s) if end is None else end] if end is None or end > start else ""


def _replace_maker(p: dict[str, Any]) -> Callable[[str], str]:
    pattern, replacement = compile_pattern(p["pattern"]), expand_replacement(p["replacement"])
    check_replacement(pattern, replacement)
    count, lower = p["count"], p["lower"]
    # H2O: ignoring case means that the whole text becomes lower case.
    return lambda s: pattern.sub(replacement, s.lower() if lower else s, count=count)


_TEXT.update(
    {
        "tolower": lambda p: str.lower,
        "toupper": lambda p: str.upper,
        "trim": lambda p: lambda s: s.strip(),
        "lstrip": _strip_maker("lstrip"),
        "rstrip": _strip_maker("rstrip"),
        "substring": _substring,
        "replace": _replace_maker,
    }
)


@family("tolower", "col", "Lower case.")
def to_lower(env: Env, col: Any) -> Frame:
    return _texts(env, col, "tolower")


@family("toupper", "col", "Upper case.")
def to_upper(env: Env, col: Any) -> Frame:
    return _texts(env, col, "toupper")


@family("trim", "col", "Without white space at both ends.")
def trim(env: Env, col: Any) -> Frame:
    return _texts(env, col, "trim")


@family("lstrip", "col set", "Without leading characters of a set.")
def lstrip(env: Env, col: Any, set: Any) -> Frame:
    return _texts(env, col, "lstrip", set=args.as_string(set, "set of characters"))


@family("rstrip", "col set", "Without trailing characters of a set.")
def rstrip(env: Env, col: Any, set: Any) -> Frame:
    return _texts(env, col, "rstrip", set=args.as_string(set, "set of characters"))


@family("substring", "col start end", "Characters from start up to before end; [] for the end of the text.")
def substring(env: Env, col: Any, start: Any, end: Any) -> Frame:
    first = max(args.as_int(start, "start"), 0)
    last = None if isinstance(end, Numbers) and len(end) == 0 else args.as_int(end, "end")
    return _texts(env, col, "substring", start=first, end=last)


def _replace(env: Env, col: Any, pattern: Any, replacement: Any, ignore_case: Any, count: int) -> Frame:
    text = args.as_string(pattern, "pattern")
    compile_pattern(text)
    lower = args.as_bool(ignore_case, "ignore_case flag")
    return _texts(
        env, col, "replace", pattern=text, replacement=args.as_string(replacement, "replacement"), lower=lower, count=count
    )


@family("replaceall", "col pattern replacement ignore_case", "Replace every match of a regular expression; $1 stands for a group.")
def replace_all(env: Env, col: Any, pattern: Any, replacement: Any, ignore_case: Any) -> Frame:
    return _replace(env, col, pattern, replacement, ignore_case, 0)


@family("replacefirst", "col pattern replacement ignore_case", "Replace the first match of a regular expression.")
def replace_first(env: Env, col: Any, pattern: Any, replacement: Any, ignore_case: Any) -> Frame:
    out = _replace(env, col, pattern, replacement, ignore_case, 1)
    return Frame("", col.names, out.vecs)


# -- text to number -------------------------------------------------------------------------------------------------------


def _entropy(s: str) -> float:
    n = len(s)
    return -sum(c / n * math.log2(c / n) for c in Counter(s).values()) if n else 0.0


def _occurrences(p: dict[str, Any]) -> Callable[[str], float]:
    patterns = p["patterns"]
    return lambda s: float(sum(s.count(x) for x in patterns if x))


def _word_parts(p: dict[str, Any]) -> Callable[[str], float]:
    words = frozenset(p["words"])
    longest = max(map(len, words), default=0)
    return lambda s: float(sum(s[i:j] in words for i in range(len(s)) for j in range(i + 2, min(len(s), i + longest) + 1)))


_NUMBER.update(
    {
        "strlen": lambda p: lambda s: float(len(s)),
        "entropy": lambda p: _entropy,
        "countmatches": _occurrences,
        "num_valid_substrings": _word_parts,
    }
)


@family("strlen", "col", "Number of characters.")
def strlen(env: Env, col: Any) -> Frame:
    return _numbers(env, col, "strlen")


@family("entropy", "col", "Shannon entropy of the characters, in bits.")
def entropy(env: Env, col: Any) -> Frame:
    return _numbers(env, col, "entropy")


@family("countmatches", "col patterns", "How often plain texts occur.")
def count_matches(env: Env, col: Any, patterns: Any) -> Frame:
    return _numbers(env, col, "countmatches", patterns=list(args.as_strings(patterns, "patterns")))


@family("num_valid_substrings", "col path", "How many substrings of two or more characters are in a word list on the server.")
def count_words(env: Env, col: Any, path: Any) -> Frame:
    return _numbers(env, col, "num_valid_substrings", words=_read_words(env, args.as_string(path, "path")))


def _read_words(env: Env, path: str) -> list[str]:
    backend = env.runtime.registry.persist_for("")
    if backend is None:
        raise BadRequestError("num_valid_substrings reads a file on the server, but no storage backend for plain paths is active.")
    from h2ok.capabilities.registry import resolve

    persist = env.runtime.service(resolve(backend.target))
    size = persist.size(path)
    if size > MAX_WORDS_BYTES:
        raise BadRequestError(f"Word list '{path}' has {size} bytes; at most {MAX_WORDS_BYTES} are allowed.")
    text = bytes(persist.read(path, 0, size)).decode("utf-8", "replace")
    return sorted({w.strip() for w in text.splitlines() if w.strip()})


# -- search and split -----------------------------------------------------------------------------------------------------


@blockwise
def _grep(block: Block, params: dict[str, Any]) -> None:
    pattern = compile_pattern(params["pattern"], ignore_case=params["ignore_case"])
    if block.vecs[0].domain is not None:
        hits = np.array([*(pattern.search(level) is not None for level in block.vecs[0].domain), False])
        found = hits[block.codes(0)]
    else:
        found = np.fromiter((s is not None and pattern.search(s) is not None for s in block.strings(0)), np.bool_, block.n_rows)
    found = found != params["invert"]
    block.write(0, found.astype(np.float64) if params["logical"] else np.flatnonzero(found).astype(np.float64) + block.start)


@family(
    "grep", "col regex ignore_case invert logical", "Rows whose text contains a match: their numbers, or 1 and 0 for every row."
)
def grep(env: Env, col: Any, regex: Any, ignore_case: Any, invert: Any, logical: Any) -> Frame:
    frame = text_columns(col, "grep")
    vec, pattern = args.one_column(frame, "argument of grep"), args.as_string(regex, "pattern")
    compile_pattern(pattern)
    flags: dict[str, Any] = {
        n: args.as_bool(f, f"{n} flag") for n, f in (("ignore_case", ignore_case), ("invert", invert), ("logical", logical))
    }
    return Frame("", ("C1",), map_vecs(env.node, _grep, [vec], pattern=pattern, **flags))


@foldable(max)
def _most_parts(block: Block, params: dict[str, Any]) -> int:
    pattern = compile_pattern(params["pattern"])
    return max((len(java_split(pattern, s)) for s in block.strings(0) if s is not None), default=1)


@blockwise
def _split(block: Block, params: dict[str, Any]) -> None:
    pattern, n = compile_pattern(params["pattern"]), params["n"]
    columns: list[list[str | None]] = [[None] * block.n_rows for _ in range(n)]
    for i, s in enumerate(block.strings(0)):
        if s is not None:
            for j, part in enumerate(java_split(pattern, s)):
                columns[j][i] = part
    for j, c in enumerate(columns):
        block.write(j, c)


@family("strsplit", "col regex", "The parts between matches of a regular expression, one column each.")
def split(env: Env, col: Any, regex: Any) -> Frame:
    frame = text_columns(col, "strsplit")
    pattern = args.as_string(regex, "pattern")
    compiled = compile_pattern(pattern)
    vecs: list[Vec] = []
    for v in frame.vecs:
        if v.type == "enum":
            vecs += _split_levels(env.node, v, compiled)
        else:
            n = fold(env.node, _most_parts, [v], pattern=pattern) or 1
            if n > MAX_SPLIT_COLUMNS:
                raise BadRequestError(f"strsplit would make {n} columns; at most {MAX_SPLIT_COLUMNS} are allowed.")
            vecs += map_vecs(env.node, _split, [v], [OutputSpec("string")] * n, pattern=pattern, n=n)
    return Frame("", tuple(f"C{j + 1}" for j in range(len(vecs))), tuple(vecs))


def _split_levels(node: Node, vec: Vec, pattern: re.Pattern[str]) -> list[Vec]:
    parts = [java_split(pattern, level) for level in vec.domain or ()]
    out = []
    for j in range(max(map(len, parts), default=1)):
        index: dict[str, int] = {}
        table = [index.setdefault(p[j], len(index)) if j < len(p) else -1 for p in parts]
        out.append(recode(node, vec, table, list(index)))
    return out


@blockwise
def _tokenize(block: Block, params: dict[str, Any]) -> None:
    pattern = compile_pattern(params["pattern"])
    columns = [block.strings(j) for j in range(len(block.vecs))]
    out: list[str | None] = []
    for row in zip(*columns, strict=True):
        for s in row:
            if s is not None:
                out += java_split(pattern, s)
        out.append(None)
    block.write(0, out)


@family("tokenize", "fr regex", "All parts of all texts below each other, an NA after each row.")
def tokenize(env: Env, fr: Any, regex: Any) -> Frame:
    frame, pattern = args.as_frame(fr, "argument of tokenize"), args.as_string(regex, "pattern")
    compile_pattern(pattern)
    for n, v in zip(frame.names, frame.vecs, strict=True):
        if v.type != "string":
            raise BadRequestError(f"tokenize needs string columns; '{n}' is {v.type}. Convert it first: (as.character ...).")
    return Frame("", ("C1",), map_vecs(env.node, _tokenize, frame, [OutputSpec("string")], pattern=pattern))
