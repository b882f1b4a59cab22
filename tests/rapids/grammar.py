"""Random expressions: mostly of the right shape, with wrong arguments, lists, names and nesting thrown in."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from h2ok.capabilities.contracts.primitive import Primitive

__all__ = ["Grammar"]

#: What each word of a primitive's signature is likely to take.
FRAMES = (
    "fa",
    "fb",
    "f1",
    "f0",
    "fm",
    "(cols fa [0 1])",
    "(cols fa 0)",
    "(cols fa 2)",
    "(cols fa 4)",
    "(cols fa 5)",
    "(cols fa 7)",
)
NUMBERS = ("0", "1", "2", "-1", "3", "0.5", "NaN", "-2.5", "7", "99", "1e5", "1e300", "-1e18", "TRUE", "PI")
STRINGS = (
    '"a"', '"e"', '"k"', '""', '"auto"', '"mean"', '"[a-z]+"', '"("', '"interpolate"', '"all"', '"\\u00e9"', "'_'", '"%Y"', '"l2"',
    '"first"', '"Pearson"', '"complete.obs"', '"sturges"', '"a|b"', '"UTC"', '"numeric"',
)  # fmt: skip
LISTS = ("[]", "[0]", "[0 1]", "[1 0 2]", "[0:3]", "[-1]", "[NaN]", '["e"]', '["a" "b"]', '["n" "k"]', "[1 1]", "[0:2:3]", "[5 99]")
FUNCTIONS = (
    "{x . (sum x)}", "{x . x}", "{x . (+ x 1)}", "{x y . (- x y)}", "{. 1}", "sum", "mean", "{x . (x x)}", "{x . (cols x 0)}",
    "{x . (nrow x)}",
)  # fmt: skip
NAMES = ("nosuch", "fa", "sum", "_", "$t", "tmp1", "x")
BROKEN = ("(", ")", "[", '"', "{x .", "[1 a]", "1L", "\\", "(fa", "[1:0]", "()", "(())", "{1 . 2}", "->", "[1:2:-1]")
#: Bracketed parts (nested twice at most), texts and words.
_ARGUMENTS = re.compile(
    r"""\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|\[[^\]]*\]|\{[^}]*\}|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s()\[\]{}"']+"""
)
ANY: tuple[Sequence[str], ...] = (FRAMES, NUMBERS, STRINGS, LISTS, FUNCTIONS, NAMES)
WORDS: dict[str, Sequence[str]] = {
    **dict.fromkeys(("fr", "l", "r", "x", "y", "col", "test", "yes", "no", "a", "b", "ref", "query", "frames...", "time"), FRAMES),
    **dict.fromkeys(("fun",), FUNCTIONS),
    **dict.fromkeys(("cols", "by", "by_l", "by_r", "breaks", "labels", "probs", "sel", "rows", "levels", "asc"), LISTS),
    **dict.fromkeys(("method", "regex", "pattern", "measure", "use", "keep", "na", "format", "level"), STRINGS),
    **dict.fromkeys(("na_rm", "axis", "seed", "n", "digits", "nfolds", "percent", "margin", "start", "end"), NUMBERS),
}
#: Not asked of a random expression: they change the server or the frames that all others need.
LEFT_OUT = frozenset({"rm", "rename", "assign", "setTimeZone", "setproperty", "colnames=", "num_valid_substrings", "run_tool"})


class Grammar:
    """Expressions over the given primitives, and ``examples`` with parts exchanged; the same seed gives the same ones."""

    def __init__(self, primitives: Sequence[Primitive], seed: int, examples: Sequence[str] = ()) -> None:
        self.primitives = [p for p in primitives if p.name not in LEFT_OUT]
        self.random = random.Random(seed)
        self.examples = [e for e in examples if not any(f"({name} " in e or f"({name})" in e for name in LEFT_OUT)]

    def expression(self, depth: int = 3) -> str:
        """One application of a primitive or a function."""
        r = self.random
        if r.random() < 0.02:
            return r.choice(BROKEN)
        if self.examples and r.random() < 0.4:
            return self.changed(r.choice(self.examples), depth)
        if r.random() < 0.04:
            return f"({r.choice(FUNCTIONS)} {self.argument('', depth)})"
        p = r.choice(self.primitives)
        least, most = p.arity if isinstance(p.arity, tuple) else (p.arity, p.arity)
        count = least if most == least else r.randint(least, least + 3 if most is None else most)
        if r.random() < 0.03:
            count = max(0, count + r.choice((-1, 1)))
        words = [p.args[min(i, len(p.args) - 1)] if p.args else "" for i in range(count)]
        text = " ".join([p.name, *(self.argument(w.strip("[]"), depth) for w in words)])
        if p.name == "tmp=":
            text = f"tmp= fuzz_temp {self.argument('fr', depth)}"
        return f"({text})"

    def argument(self, word: str, depth: int) -> str:
        """Something for an argument of that name."""
        r = self.random
        if depth and r.random() < 0.3:
            return self.expression(depth - 1)
        if r.random() < 0.1:
            return r.choice(r.choice(ANY))
        return r.choice(WORDS.get(word, r.choice(ANY)))

    def changed(self, text: str, depth: int) -> str:
        """An example as it is, with an argument exchanged, or with a part of another example in it."""
        r = self.random
        spans = _ARGUMENTS.findall(text[1:]) if text.startswith("(") else []
        if not spans or r.random() < 0.2:
            return text
        i = r.randrange(len(spans))
        if r.random() < 0.3:
            other = _ARGUMENTS.findall(r.choice(self.examples))
            spans[i] = r.choice(other) if other else spans[i]
        elif i:
            spans[i] = self.argument("", depth - 1 if depth else 0)
        return f"({' '.join(spans)})"
