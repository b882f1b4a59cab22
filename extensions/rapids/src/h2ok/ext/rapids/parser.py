"""Parser: the text of an expression to its tree. Bounded in length and depth; errors name the position."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from h2ok.capabilities.contracts.errors import ApiError
from h2ok.ext.rapids.ast import Ast, Call, Func, Ident, NumberLit, NumbersLit, StrLit, StrsLit
from h2ok.ext.rapids.values import Numbers
from h2ok.kernel.frame.longs import LARGEST_EXACT, is_exact_double

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "IllegalASTError", "parse"]

#: Characters of one expression.
MAX_LENGTH = 64 * 2**20
#: Levels of nesting; evaluation takes a few Python frames a level.
MAX_DEPTH = 200

_SPACE = " \t\r\n"
_TOKEN = re.compile(r"""[^ \t\r\n(){}\[\]'"\\]+""")
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?\Z")
_LIST_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?(?=[\s,:\]]|\Z)|[nN][aA][nN](?=[\s,:\]]|\Z)")
_JAVA_IDENTIFIER = re.compile(r"[^\W\d]\w*|[$_][\w$]*")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "b": "\b", "'": "'", '"': '"', "\\": "\\"}
_HEX_LENGTH = {"x": 2, "u": 4, "U": 8}
_DIGITS = re.compile(r"[+-]?\d+\Z")
_QUOTES = ("'", '"')
#: Python clients on numpy 2 write numpy scalars by their repr: np.str_('c1'), np.float64(0.5), np.longdouble('0.5'), np.True_.
_NUMPY_SCALAR = re.compile(r"np\.(?:str_|longdouble|float\d+|u?int(?:\d+|c)|u?long(?:long)?|bool_?)\(")
_NUMPY_TRUTHS = {"np.True_": 1.0, "np.False_": 0.0}
_NUMPY_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "true": 1.0, "false": 0.0}
_SHOWN = 60


class IllegalASTError(ApiError, ValueError):
    """The text is no expression."""

    status = 400
    exception_type = "water.rapids.Rapids.IllegalASTException"


def parse(text: str) -> Ast:
    """The tree of one expression.

    Raises
    ------
    IllegalASTError
        Syntax error, text after the expression, or more than MAX_DEPTH levels or MAX_LENGTH characters.
    """
    if len(text) > MAX_LENGTH:
        raise IllegalASTError(f"The expression has {len(text)} characters; at most {MAX_LENGTH} are allowed.")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def whole(self) -> Ast:
        tree = self.expression()
        self.skip_space()
        if self.at < len(self.text):
            raise self.error("Syntax error: illegal Rapids expression, text follows the end of the expression")
        return tree

    def error(self, what: str, at: int | None = None) -> IllegalASTError:
        at = self.at if at is None else at
        begin = max(0, at - _SHOWN // 2)
        shown = self.text[begin : begin + _SHOWN]
        dots = ("..." if begin else "", "..." if begin + _SHOWN < len(self.text) else "")
        return IllegalASTError(f"{what} at position {at} in `{dots[0]}{shown}{dots[1]}`.", position=at)

    def skip_space(self) -> str:
        """Skip white space; the next character, empty at the end."""
        text, n = self.text, len(self.text)
        while self.at < n and text[self.at] in _SPACE:
            self.at += 1
        return text[self.at] if self.at < n else ""

    def expression(self) -> Ast:
        c = self.skip_space()
        if not c:
            raise self.error("Ran out of text: an expression was expected")
        at = self.at
        if c in "({":
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise self.error(
                    f"Nested deeper than {MAX_DEPTH} levels; store a part of the expression with (tmp= id ...) and use its id"
                )
            tree: Ast = self.application(at) if c == "(" else self.function(at)
            self.depth -= 1
            return tree
        if c == "[":
            return self.listing(at)
        if c in "'\"":
            return StrLit(self.string(), at)
        if _NUMPY_SCALAR.match(self.text, at):
            return self.numpy_scalar()
        token = self.token()
        if token in _NUMPY_TRUTHS:
            return NumberLit(_NUMPY_TRUTHS[token], at)
        return NumberLit(_number(token), at) if _NUMBER.match(token) else Ident(token, at)

    def token(self) -> str:
        m = _TOKEN.match(self.text, self.at)
        if m is None:
            raise self.error(
                f"Unexpected {self.text[self.at]!r}" if self.at < len(self.text) else "Ran out of text: a name was expected"
            )
        self.at = m.end()
        return m.group()

    def application(self, at: int) -> Ast:
        self.at += 1
        items: list[Ast] = []
        while self.closing(")", at) is None:
            items.append(self.expression())
        tree: Ast = Call(tuple(items), at)
        if self.text.startswith("->", self.at):
            self.at += 2
            where = self.at
            tree = Call((Ident("tmp=", where), Ident(self.token(), where), tree), at)
        return tree

    def closing(self, bracket: str, opened: int) -> str | None:
        """Consume the closing bracket when it is next."""
        c = self.skip_space()
        if not c:
            raise self.error(f"Ran out of text: '{bracket}' for the bracket opened at position {opened} is missing")
        if c != bracket:
            return None
        self.at += 1
        return c

    def numpy_scalar(self) -> NumberLit | StrLit:
        """A text or a number inside the call that numpy writes around it; numbers may stand in quotes."""
        at = self.at
        opened = self.text.index("(", at)
        self.at = opened + 1
        quoted = self.text[self.at : self.at + 1] in _QUOTES
        text = self.string() if quoted else self.token()
        if self.closing(")", opened) is not None:
            if self.text.startswith("np.str_", at) and quoted:
                return StrLit(text, at)
            value = _NUMPY_WORDS.get(text.lower(), _number(text) if _NUMBER.match(text) else None)
            if value is not None and not self.text.startswith("np.str_", at):
                return NumberLit(value, at)
        raise self.error("A numpy scalar holds one number or text", opened)

    def function(self, at: int) -> Func:
        self.at += 1
        params: list[str] = []
        while True:
            self.skip_space()
            where = self.at
            name = self.token()
            if name == ".":
                break
            if not _JAVA_IDENTIFIER.fullmatch(name):
                raise self.error(f"'{name}' is no name for a parameter; a dot was expected after the parameters", where)
            if name in params:
                raise self.error(f"Parameter '{name}' appears twice", where)
            params.append(name)
        body = self.expression()
        if self.closing("}", at) is None:
            raise self.error("Expected '}' after the body of the function")
        return Func(tuple(params), body, at)

    # -- lists --------------------------------------------------------------------------------------------------------

    def listing(self, at: int) -> Ast:
        self.at += 1
        c = self.skip_space()
        if (c and c in _QUOTES) or self.text.startswith("np.str_(", self.at):
            texts: list[str] = []
            self.items(at, lambda: texts.append(self.list_text()))
            return StrsLit(tuple(texts), at)
        bases: list[float] = []
        counts: list[int] = []
        strides: list[float] = []

        def item() -> None:
            base = self.list_number()
            count, stride = 1, 1.0
            if self.text.startswith(":", self.at):
                self.at += 1
                count, stride = self.count(), 1.0
                if self.text.startswith(":", self.at):
                    self.at += 1
                    stride = self.stride(count)
            bases.append(base)
            counts.append(count)
            strides.append(stride)

        self.items(at, item)
        numbers = Numbers(bases, counts, strides)
        numbers.check_sorted()
        return NumbersLit(numbers, at)

    def items(self, opened: int, read: Callable[[], None]) -> None:
        while self.closing("]", opened) is None:
            read()
            if self.skip_space() == ",":
                self.at += 1

    def list_text(self) -> str:
        """A text of a list."""
        if not self.text.startswith("np.str_(", self.at):
            return self.string()
        found = self.numpy_scalar()
        assert isinstance(found, StrLit)
        return found.value

    def list_number(self) -> float:
        """A number of a list; a whole number that no double holds as int."""
        if self.text.startswith("np.", self.at):
            truth = next((t for t in _NUMPY_TRUTHS if self.text.startswith(t, self.at)), None)
            if truth is not None:
                self.at += len(truth)
                return _NUMPY_TRUTHS[truth]
            if _NUMPY_SCALAR.match(self.text, self.at):
                found = self.numpy_scalar()
                if isinstance(found, NumberLit):
                    return found.value
        m = _LIST_NUMBER.match(self.text, self.at)
        if m is None:
            raise self.error("Missing token: a number list holds only numbers, a string list only strings")
        self.at = m.end()
        token = m.group()
        return float("nan") if token.lower() == "nan" else _number(token)

    def count(self) -> int:
        where = self.at
        value = self.list_number()
        if not (value >= 1 and value == int(value)):
            raise self.error(f"Count must be a positive integer, got {value:g}", where)
        return int(value)

    def stride(self, count: int) -> float:
        where = self.at
        value = self.list_number()
        if not value >= 0:
            raise self.error(f"Stride must be positive, got {value:g}", where)
        if count == 1 and value != 1:
            raise self.error(f"A count of 1 needs the stride 1, got {value:g}", where)
        return value

    # -- strings ------------------------------------------------------------------------------------------------------

    def string(self) -> str:
        begin = self.at
        mark = self.text[begin] if begin < len(self.text) else ""
        if not mark or mark not in "'\"":
            raise self.error("Missing token: a string was expected; lists cannot mix strings and other values")
        parts: list[str] = []
        i = begin + 1
        stop = re.compile(r"[\\" + mark + "]")
        while True:
            m = stop.search(self.text, i)
            if m is None:
                raise self.error("Unterminated string", begin)
            parts.append(self.text[i : m.start()])
            if m.group() == mark:
                self.at = m.end()
                return "".join(parts)
            char, i = self.escape(m.end())
            parts.append(char)

    def escape(self, at: int) -> tuple[str, int]:
        """The character of the escape sequence whose letter is at ``at``, and where the text goes on."""
        letter = self.text[at : at + 1]
        if letter in _HEX_LENGTH:
            digits = self.text[at + 1 : at + 1 + _HEX_LENGTH[letter]]
            code = int(digits, 16) if re.fullmatch(r"[0-9a-fA-F]+", digits) else -1
            if len(digits) == _HEX_LENGTH[letter] and 0 <= code <= 0x10FFFF:
                return chr(code), at + 1 + len(digits)
        elif letter and letter in _ESCAPES:
            return _ESCAPES[letter], at + 1
        raise self.error(f"Invalid escape sequence '\\{letter}'", at - 1)


def _number(token: str) -> float:
    """The double of a token; a whole number of 64 bits that is no double stays an int."""
    value = float(token.rstrip("dDfF"))
    if LARGEST_EXACT <= abs(value) <= 2.0**63 and _DIGITS.match(token):
        whole = int(token)
        if abs(whole) < 2**63 and not is_exact_double(whole):
            return whole
    return value
