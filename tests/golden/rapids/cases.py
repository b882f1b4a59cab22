"""Expressions over small frames of every column type: what is asked of H2O-3 (``record.py``) and of h2ok (``test_answers.py``).

Frames: ``fa`` has eight rows of every type with missing values, ``f1`` one row, ``fb`` shares keys with ``fa``, ``fm`` is a
matrix of whole numbers, ``f0`` is ``fa`` without rows.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["FRAMES", "PREPARE", "TYPES", "expressions"]

#: frame -> CSV.
FRAMES = {
    "fa": (
        "n,i,e,f,s,t,d,k,p\n"
        "1.5,1,a,yes,x y,2020-01-01 00:00:00,10,3,0.5\n"
        ",0,b,no,,2020-02-29 23:59:59,2,1,2.25\n"
        "-2.5,,,yes,zz,,2,2,1\n"
        "4,2,a,,Q.q,2021-12-31 10:11:12,,3,8\n"
        "0,5,c,no,\u00c9t\u00e9 z,1969-12-31 12:00:00,10,1,0.125\n"
        "-0.5,-3,b,no,a-b-a,2020-12-31 06:07:08,7,2,3\n"
        "3.25,2,c,yes,pad ,1999-03-28 01:30:00,7,9,0.75\n"
        "1.5,1,a,no,x y,2024-02-29 00:00:00,10,3,6\n"
    ),
    "f1": "n,i,e,f,s,t,d,k,p\n2.5,3,a,yes,one,2001-02-03 04:05:06,1,4,0.25\n",
    "fb": "e,k,w,z\nc,3,0.5,u\nb,1,1.5,v\nz,3,2.5,u\n,2,3.5,w\nb,7,,v\na,1,5.5,u\n",
    "fm": "a,b,c\n1,2,3\n4,5,6\n7,8,10\n2,0,1\n",
}
_ALL = ["Numeric", "Numeric", "Enum", "Enum", "String", "Time", "Enum", "Numeric", "Numeric"]
TYPES = {"fa": _ALL, "f1": _ALL, "fb": ["Enum", "Numeric", "Numeric", "Enum"], "fm": ["Numeric"] * 3}
#: Sent once before the others, in this order.
PREPARE = ["(assign f0 (rows fa (> (cols fa 7) 100)))"]

UNARY = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceiling", "cos",
    "cosh", "cospi", "digamma", "exp", "expm1", "floor", "gamma", "lgamma", "log",
    "log1p", "log2", "log10", "none", "not", "!!", "sign", "sin", "sinh",
    "sinpi", "sqrt", "tan", "tanh", "tanpi", "trigamma", "trunc", "is.na",
]  # fmt: skip
BINARY = "+ - * / ^ % %% intDiv %/% == != < <= > >= & | && || round signif".split()  # noqa: SIM905 - words
REDUCERS = "all any any.na max maxNA min minNA sum sumNA prod naCnt any.factor ncol nrow is.factor is.numeric is.character".split()  # noqa: SIM905 - words
FLAGGED = ["median", "sd", "skewness", "kurtosis"]
RUNNING = ["cummax", "cummin", "cumprod", "cumsum"]
CALENDAR = ["day", "dayOfWeek", "hour", "millis", "minute", "month", "second", "week", "year"]
COLUMNS = ["n", "i", "e", "f", "s", "t", "d", "k", "p"]


def col(name: str, frame: str = "fa") -> str:
    return f"(cols {frame} {COLUMNS.index(name)})"


def expressions() -> Iterator[str]:
    """Every expression once, in a fixed order."""
    seen: set[str] = set()
    for part in (
        _math,
        _operators,
        _reducers,
        _slices,
        _changes,
        _types,
        _levels,
        _strings,
        _times,
        _tables,
        _groups,
        _joins,
        _series,
    ):
        for text in part():
            if text not in seen:
                seen.add(text)
                yield text


def _math() -> Iterator[str]:
    for op in UNARY:
        yield f"({op} (cols fa [0 1 8]))"
        yield f"({op} 0.7)"
        yield f"({op} {col('e')})"
        yield f"({op} {col('s')})"
        yield f"({op} (cols f0 [0 1]))"
    for op in ("abs", "exp", "floor", "not", "sqrt", "is.na"):
        yield f"({op} {col('t')})"
        yield f"({op} (cols f1 [0 1]))"
        yield f"({op} NaN)"
        yield f'({op} "text")'
        yield f"({op} [1 2])"
        yield f"({op} fa)"
        yield f"({op})"
        yield f"({op} 1 2)"


def _operators() -> Iterator[str]:
    for op in BINARY:
        yield f"({op} (cols fa [0 1]) {col('k')})"
        yield f"({op} (cols fa [0 1]) 2)"
        yield f"({op} 2 (cols fa [0 1]))"
        yield f"({op} (cols fa [0 1]) NaN)"
        yield f"({op} {col('e')} 1)"
        yield f"({op} {col('p')} (cols f1 [0]))"
    for op in ("+", "*", "/", "==", "!=", "<", ">=", "&", "|", "round"):
        yield f'({op} {col("e")} "b")'
        yield f'({op} "b" {col("e")})'
        yield f"({op} {col('e')} {col('f')})"
        yield f'({op} {col("s")} "zz")'
        yield f"({op} {col('s')} {col('s')})"
        yield f"({op} {col('t')} {col('t')})"
        yield f"({op} {col('t')} 1000)"
        yield f"({op} (cols f0 [0 1]) 1)"
        yield f"({op} (cols f0 0) (cols f0 1))"
        yield f"({op} (cols fa [0 1]) (cols fm [0 1]))"
        yield f"({op} (cols fa [0 1 7]) (cols fa [0 1]))"
        yield f'({op} 1 "a")'
        yield f'({op} "a" "a")'
        yield f"({op} 1 [1 2])"
        yield f"({op} -2.5 2)"
        yield f"({op} NaN NaN)"
        yield f"({op} 1)"
    yield from (
        f"(ifelse {col('i')} 1 0)",
        f'(ifelse {col("i")} "yes" 0)',
        f"(ifelse {col('i')} {col('e')} {col('f')})",
        f"(ifelse (> {col('k')} 2) {col('n')} {col('p')})",
        f"(ifelse (is.na {col('n')}) 0 {col('n')})",
        f"(ifelse {col('e')} 1 0)",
        f"(ifelse {col('s')} 1 0)",
        "(ifelse (cols f0 0) 1 0)",
        "(ifelse (cols f1 0) 1 0)",
        '(ifelse 0 "a" "b")',
        '(ifelse "a" 1 2)',
        "(ifelse (cols fa [0 1]) (cols fa [1 0]) 9)",
        f"(ifelse 1 {col('n')} 0)",
        "(round (cols fa [0 8]) 1)",
        "(round (cols fa [0 8]) -1)",
        "(signif (cols fa [0 8]) 2)",
        "(- (cols fa [0 1]))",
        "(+ (+ 1 (* 2 (cols fa 7))) (/ (cols fa 8) 4))",
    )


def _reducers() -> Iterator[str]:
    for op in REDUCERS:
        yield f"({op} (cols fa [0 1]))"
        yield f"({op} (cols fa [7 8]))"
        yield f"({op} {col('e')})"
        yield f"({op} {col('s')})"
        yield f"({op} {col('t')})"
        yield f"({op} f1)"
        yield f"({op} 3)"
    for op in FLAGGED:
        for flag in (0, 1):
            yield f"({op} (cols fa [0 1 7]) {flag})"
        yield f"({op} {col('e')} 1)"
        yield f"({op} {col('s')} 1)"
        yield f"({op} {col('t')} 1)"
        yield f"({op} (cols f1 [0 1]) 1)"
        yield f"({op} 3 1)"
    for op in ("mean", "sumaxis"):
        for flag in (0, 1):
            for axis in (0, 1):
                yield f"({op} (cols fa [0 1 7]) {flag} {axis})"
                yield f"({op} fa {flag} {axis})"
                yield f"({op} (cols fa [2 3 5]) {flag} {axis})"
        yield f"({op} f1 1 0)"
        yield f"({op} f1 1 1)"
        yield f"({op} 3 1 0)"
    for op in RUNNING:
        yield f"({op} (cols fa [7 8]) 0)"
        yield f"({op} (cols fa [7 8]) 1)"
        yield f"({op} {col('n')} 0)"
        yield f"({op} {col('e')} 0)"
        yield f"({op} (cols f1 [0 1]) 0)"
    for op in ("which.max", "which.min"):
        for flag in (0, 1):
            yield f"({op} (cols fa [0 1 7]) {flag} 0)"
        yield f"({op} (cols fa [7 8]) 0 1)"
        yield f"({op} (cols fa [2]) 1 0)"
    for how in ("interpolate", "average", "low", "high"):
        yield f'(h2o.mad {col("k")} "{how}" 1)'
        yield f'(quantile (cols fa [0 7 8]) [0 0.05 0.3 0.5 0.77 1] "{how}" "_")'
        yield f'(quantile (cols fa [7]) [0.5] "{how}" "p")'
    yield from (
        f"(mode {col('e')})",
        f"(mode {col('f')})",
        f"(mode {col('n')})",
        f'(h2o.mad {col("p")} "interpolate" 1.4826)',
        '(quantile (cols fa [0]) [1.5] "interpolate" "_")',
        '(quantile (cols fa [2]) [0.5] "interpolate" "_")',
        '(quantile (cols f1 [0]) [0.1 0.5] "interpolate" "_")',
        '(quantile (cols fa [0]) [0.5] "other" "_")',
        "(topn fa 0 25 1)",
        "(topn fa 7 50 -1)",
        "(topn fa 2 50 -1)",
        "(topn f1 0 100 1)",
        f"(prod.na {col('k')})",
        "(nlevels (cols fa 2))",
        "(nlevels (cols fa 0))",
        "(nlevels (cols fa [2 3]))",
        "(filterNACols fa 0.1)",
        "(filterNACols fa 0.13)",
        "(filterNACols fa 0.9)",
    )
    for kind in ("numeric", "categorical", "string", "time", "uuid", "bad", "other"):
        yield f'(columnsByType fa "{kind}")'


def _slices() -> Iterator[str]:
    for sel in (
        "0",
        "[0 2]",
        "[2 0]",
        "[0:3]",
        "[0:4:2]",
        "-1",
        "[-1 -3]",
        '"n"',
        '["t" "n"]',
        '"none"',
        "99",
        "[0 99]",
        "[]",
        "NaN",
        "1.5",
    ):
        yield f"(cols fa {sel})"
        yield f"(cols_py fa {sel})"
    for sel in ("0", "7", "8", "[0 2 7]", "[2:3]", "[0:4:2]", "-1", "[-1 -8]", "[5 2]", "99", "[0 99]", "[]", "NaN", '"n"'):
        yield f"(rows (cols fa [0 2 4 5]) {sel})"
    yield from (
        "(rows (cols fa [0 2]) (cols fa 1))",
        "(rows (cols fa [0 4]) (> (cols fa 7) 2))",
        "(rows fa (> (cols fa 7) 100))",
        "(rows fa (cols fa 2))",
        "(rows fa (cols fa [0 1]))",
        "(rows fa (cols fm 0))",
        "(rows f1 (== (cols f1 7) 4))",
        "(rows f0 (== (cols f0 7) 4))",
        "(na.omit fa)",
        "(na.omit (cols fa [7 8]))",
        "(na.omit (cols fa [2 4]))",
        "(flatten f1)",
        "(flatten (cols f1 0))",
        "(flatten (cols f1 2))",
        "(flatten (cols f1 4))",
        "(flatten (cols f1 5))",
        "(flatten 3)",
        "(flatten (cols f0 0))",
        "(getrow f1)",
        "(getrow (cols f1 [0 1]))",
        "(getrow fa)",
        "(which (cols fa 7))",
        "(which (> (cols fa 7) 2))",
        "(which (cols fa 2))",
        "(which (cols f1 [0 1]))",
        "(which (cols fa [0 1]))",
        "(which 1)",
        '(match (cols fa 2) ["a" "c"] NA 1)',
        '(match (cols fa 2) ["a" "c"] -1 0)',
        "(match (cols fa 7) [3 1] NA 1)",
        "(match (cols fa 7) 3 0 1)",
        '(match (cols fa 4) ["zz"] NA 1)',
        '(match (cols fa 2) "b" NA 1)',
        "(match (cols fa 2) [1 2] NA 1)",
        '(match (cols fa 0) ["a"] NA 1)',
        "(match (cols fa [0 1]) [1] NA 1)",
        '(dropdup fa ["e"] "first")',
        '(dropdup fa ["e"] "last")',
        '(dropdup (cols fa [0 1 7]) [2 1] "first")',
        '(dropdup fa ["none"] "first")',
        '(dropdup fa ["e"] "other")',
        '(dropdup (cols fa [2 4]) ["s"] "first")',
    )
    for by in (
        "[0] [1]",
        "[0] [-1]",
        "[2] [1]",
        "[2 0] [1 1]",
        "[7 0] [-1 1]",
        "[5] [1]",
        "[5] [-1]",
        "[4] [1]",
        '["k"] [1]',
        "[99] [1]",
        "[0] [2]",
        "[0 1] [1]",
    ):
        yield f"(sort (cols fa [0 1 2 3 4 5 6 7]) {by})"
    yield "(sort f0 [0] [1])"
    yield "(sort f1 [0] [1])"
    yield "(sort fa [1] [])"


def _changes() -> Iterator[str]:
    two = "(cols fa [0 2 4 5])"
    for src in ("7", "NaN", '"a"', '"new"', "(cols fa 7)", "(cols fa 2)", "(cols fa 4)", "(cols fa 5)"):
        for at in (0, 1, 2, 3):
            yield f"(:= {two} {src} [{at}] [])"
        yield f"(:= {two} {src} [0] [1 3])" if not src.startswith("(") else f"(:= {two} (rows {src} [0:2]) [0] [1 3])"
        yield f'(append {two} {src} "more")'
    for src in ("7", "NaN", '"a"', '"new"'):
        for at in (1, 2, 3):
            yield f"(:= {two} {src} [{at}] [0:2])"
            yield f"(:= {two} {src} [{at}] (> (cols fa 7) 2))"
    yield from (
        f"(:= {two} 1 [0 1] [])",
        f"(:= {two} 1 [9] [])",
        f"(:= {two} 1 [0] [99])",
        f'(:= {two} 1 "n" [])',
        f"(:= {two} (cols fm 0) [0] [])",
        f"(:= {two} (cols fa [7 8]) [0 1] [])",
        f'(append {two} (cols fm 0) "more")',
        f'(append {two} 1 "n")',
        f'(append {two} 1 "x" 2 "y")',
        f'(append {two} (cols fa [0 1]) "x")',
        '(append f1 3 "x")',
        '(append f0 3 "x")',
        '(colnames= (cols fa [0 1]) [0 1] ["A" "B"])',
        '(colnames= (cols fa [0 1]) 0 "A")',
        '(colnames= (cols fa [0 1]) [0] ["A" "B"])',
        '(colnames= (cols fa [0 1]) [9] ["A"])',
        "(cbind fa fm)",
        "(cbind (cols fa [0]) (cols fa [0]) (cols fa [0]))",
        "(cbind (cols fa [0 2]) (cols fa [4 5]))",
        "(cbind fa)",
        "(cbind 1 2)",
        '(cbind (cols fa 0) "text")',
        "(cbind (cols fa 0) 1.5)",
        "(rbind (cols fa [0 2 4 5]) (cols f1 [0 2 4 5]))",
        "(rbind (cols fa [2]) (cols fb [0]))",
        "(rbind (cols fb [0]) (cols fa [2]))",
        "(rbind (cols fa [0]) (cols fa [2]))",
        "(rbind (cols fa [0 1]) (cols fa [0]))",
        "(rbind (cols fa [0]) (cols fa [1]))",
        "(rbind (cols fa [0]) 3)",
        "(rbind 1 2 3)",
        "(rbind fm f0)",
        "(rbind f1 f1 f1)",
        "(rbind (cols f0 [0 2]) (cols fa [0 2]))",
        "(rep_len (cols fa 2) 11)",
        "(rep_len (cols fa 4) 3)",
        "(rep_len (cols fa 5) 9)",
        "(rep_len 1.5 3)",
        "(rep_len (cols fa [0 1]) 1)",
        "(rep_len 1 0)",
        "(rep_len 1 -1)",
        "(seq 1 10 3)",
        "(seq 10 1 -3)",
        "(seq 1 10 -1)",
        "(seq 0 1 0.25)",
        "(seq 1 1 1)",
        "(seq_len 0)",
        "(seq_len -1)",
        "(seq_len 5)",
        '(h2o.fillna (cols fa [0 1]) "forward" 0 1)',
        '(h2o.fillna (cols fa [0 1]) "forward" 0 0)',
        '(h2o.fillna (cols fa [0 1]) "backward" 0 3)',
        '(h2o.fillna (cols fa [0 1 7]) "forward" 1 1)',
        '(h2o.fillna (cols fa [0 1 7]) "backward" 1 1)',
        '(h2o.fillna (cols fa [2]) "forward" 0 1)',
        '(h2o.fillna (cols fa [4]) "forward" 0 1)',
        '(h2o.fillna (cols fa [0]) "other" 0 1)',
        "(t (cols fa [0 1 7]))",
        "(t (cols fm [0 1]))",
        "(t fa)",
        "(t f1)",
        "(t (cols f1 [0 1]))",
        "(x fm (t fm))",
        "(x (t fm) fm)",
        "(x (t (cols fa [7 8])) (cols fa [0 1]))",
        "(x fm fm)",
        "(x fa fa)",
        '(melt (cols fa [2 0 7]) ["e"] ["n" "k"] "var" "val" 0)',
        '(melt (cols fa [2 0 7]) ["e"] ["n" "k"] "var" "val" 1)',
        '(melt (cols fa [4 7 8]) ["s"] [] "variable" "value" 0)',
        '(melt (cols fa [5 7 8]) ["t"] ["p"] "variable" "value" 0)',
        '(melt (cols fa [2 3]) ["e"] ["f"] "variable" "value" 0)',
        '(melt (cols fa [2 0]) ["none"] ["n"] "variable" "value" 0)',
        '(melt fm ["a"] [] "variable" "value" 0)',
        '(pivot (rows fb [0:3]) "k" "e" "w")',
        '(pivot fb "k" "z" "w")',
        '(pivot fa "k" "f" "p")',
        '(pivot fa "none" "f" "p")',
        '(pivot fb "k" "w" "k")',
    )


def _types() -> Iterator[str]:
    for op in ("as.factor", "as.numeric", "as.character"):
        for name in COLUMNS:
            yield f"({op} {col(name)})"
        yield f"({op} (cols fa [0 2]))"
        yield f"({op} (cols f0 0))"
        yield f"({op} (cols f0 2))"
        yield f"({op} f1)"
        yield f"({op} 3)"
        yield f'({op} "text")'
    yield from (
        "(as.numeric (as.factor (cols fa 0)))",
        "(as.numeric (as.factor (cols fa 1)))",
        "(as.numeric (as.character (cols fa 6)))",
        "(as.factor (as.character (cols fa 1)))",
        "(as.character (as.factor (cols fa 0)))",
        "(as.factor (/ (cols fa 7) 3))",
        "(as.character (/ (cols fa 7) 3))",
        "(as.character (* (cols fa 7) 1e10))",
        "(as.character (* (cols fa 7) 1e-7))",
        "(as.factor (* (cols fa 7) 1e10))",
        "(is.factor (as.factor (cols fa 7)))",
    )


def _levels() -> Iterator[str]:
    yield from (
        "(levels (cols fa [2 3]))",
        "(levels (cols fa 2))",
        "(levels (cols fa 0))",
        "(levels (rows (cols fa 2) [0:2]))",
        "(levels f1)",
        "(levels 3)",
        '(relevel (cols fa 2) "c")',
        '(relevel (cols fa 2) "none")',
        '(relevel (cols fa 0) "c")',
        '(relevel (cols fa [2 3]) "c")',
        '(setLevel (cols fa 2) "c")',
        '(setLevel (cols fa 2) "none")',
        '(setLevel (cols fa 0) "c")',
        '(setDomain (cols fa 2) 0 ["p" "q" "r"])',
        '(setDomain (cols fa 2) 0 ["p" "q"])',
        '(setDomain (cols fa 2) 0 ["p" "p" "q"])',
        '(setDomain (cols fa 0) 0 ["p"])',
        '(appendLevels (cols fa 2) 0 ["y" "z"])',
        '(appendLevels (cols fa 2) 0 ["a"])',
        '(appendLevels (cols fa 0) 0 ["a"])',
        "(relevel.by.freq (cols fa 2) [] -1)",
        "(relevel.by.freq (cols fa [2 3]) [] 1)",
        '(relevel.by.freq (cols fa [2 7]) "k" -1)',
        "(relevel.by.freq (cols fa 2) [] 2)",
        "(cut (cols fa 0) [-3 0 2 5] [] 0 1 3)",
        "(cut (cols fa 0) [-3 0 2 5] [] 1 1 3)",
        "(cut (cols fa 0) [-3 0 2 5] [] 0 0 3)",
        "(cut (cols fa 0) [-3 0 2 5] [] 1 0 3)",
        "(cut (cols fa 0) [-2.5 1.5 4] [] 0 1 1)",
        "(cut (cols fa 0) [-2.5 1.5 4] [] 1 1 1)",
        '(cut (cols fa 0) [-3 0 5] ["lo" "hi"] 0 1 3)',
        '(cut (cols fa 0) [-3 0 5] ["lo"] 0 1 3)',
        "(cut (cols fa 2) [0 1 2] [] 0 1 3)",
        "(cut (cols fa [0 1]) [0 1 2] [] 0 1 3)",
        "(cut (cols f1 0) [0 5] [] 0 1 3)",
        "(cut (cols fa 8) [0.12345 1.23456 9] [] 0 1 2)",
        "(cut (cols fa 8) [0 9] [] 0 1 30)",
    )


def _strings() -> Iterator[str]:
    for op in ("strlen", "tolower", "toupper", "trim", "entropy"):
        for name in ("s", "e", "n", "t"):
            yield f"({op} {col(name)})"
        yield f"({op} (cols fa [2 4]))"
        yield f"({op} (cols f1 4))"
        yield f"({op} (cols f0 4))"
        yield f"({op} 3)"
    for name in ("s", "e", "n"):
        yield from (
            f'(lstrip {col(name)} "xa ")',
            f'(rstrip {col(name)} "ya ")',
            f'(lstrip {col(name)} "")',
            f'(countmatches {col(name)} "a")',
            f'(countmatches {col(name)} ["a" "z" "-"])',
            f'(countmatches {col(name)} ["zz" "z"])',
            f'(grep {col(name)} "a" 0 0 0)',
            f'(grep {col(name)} "A" 1 0 1)',
            f'(grep {col(name)} "[xz]" 0 1 1)',
            f'(grep {col(name)} "^$" 0 1 0)',
            f'(grep {col(name)} "[" 0 1 0)',
            f'(replaceall {col(name)} "a" "<>" 0)',
            f'(replaceall {col(name)} "(a)" "$1$1" 0)',
            f'(replaceall {col(name)} "Q" "u" 1)',
            f'(replacefirst {col(name)} "[a-z]" "" 0)',
            f'(replacefirst {col(name)} "Z" "_" 1)',
            f'(replaceall {col(name)} "[" "x" 0)',
            f'(strsplit {col(name)} " ")',
            f'(strsplit {col(name)} "-")',
            f'(strsplit {col(name)} "")',
            f'(strsplit {col(name)} "[ .-]")',
            f'(tokenize {col(name)} " ")',
            f'(tokenize {col(name)} "[^a-z]+")',
            f"(substring {col(name)} 0 2)",
            f"(substring {col(name)} 1 [])",
            f"(substring {col(name)} -3 2)",
            f"(substring {col(name)} 2 1)",
            f"(substring {col(name)} 99 [])",
            f"(substring {col(name)} 1 99)",
        )
    for measure in ("lv", "lcs", "qgram", "jaccard", "jw", "soundex", "other"):
        yield f'(strDistance {col("s")} (substring (toupper {col("s")}) 1 []) "{measure}" 1)'
        yield f'(strDistance (as.character {col("e")}) (as.character {col("f")}) "{measure}" 1)'
    yield from (
        f'(strDistance (substring {col("s")} 0 1) (substring {col("s")} 1 []) "lv" 0)',
        f'(strDistance (substring {col("s")} 0 1) (substring {col("s")} 1 []) "lv" 1)',
        f'(strDistance {col("s")} {col("n")} "lv" 1)',
        f'(strDistance {col("s")} {col("e")} "lv" 1)',
        '(tokenize (cols fa [4 4]) " ")',
        '(strlen "text")',
        '(toupper "text")',
    )


def _times() -> Iterator[str]:
    for op in CALENDAR:
        yield f"({op} {col('t')})"
        yield f"({op} {col('n')})"
        yield f"({op} 1e12)"
        yield f"({op} {col('s')})"
        yield f"({op} {col('e')})"
        yield f"({op} (cols f0 5))"
    yield from (
        "(moment 2020 1 1 0 0 0 0)",
        "(moment 2020 13 1 0 0 0 0)",
        "(moment 2020 2 29 12 30 59 999)",
        "(moment 2021 2 29 0 0 0 0)",
        "(moment 2020 NaN 1 0 0 0 0)",
        "(moment 1960 1 1 24 0 0 0)",
        "(moment (+ 2000 (cols fa 7)) 1 (cols fa 7) 0 0 0 0)",
        "(moment 2000 (cols fa 7) 1 0 0 0 (cols fm 0))",
        "(moment 2000 (cols fa 2) 1 0 0 0 0)",
        '(moment "2000" 1 1 0 0 0 0)',
        "(mktime 2020 1 1 0 0 0 0)",
        "(mktime 2020 (cols fa 7) 1 0 0 0 0)",
        '(as.Date (as.character (cols fa 6)) "%y")',
        '(as.Date (strsplit (as.character (moment 2020 (cols fa 7) 1 0 0 0 0)) " ") "%Y")',
        '(as.Date (cols fa 0) "%Y")',
        '(as.Date (cols f1 5) "%Y")',
        '(setTimeZone "Nowhere/City")',
        "(+ (cols fa 5) 1)",
        "(< (cols fa 5) (moment 2020 6 1 0 0 0 0))",
        "(difflag1 (cols fa 5))",
        "(max (cols fa 5))",
        "(is.na (cols fa 5))",
    )


def _tables() -> Iterator[str]:
    for name in COLUMNS:
        yield f"(table {col(name)} 1)"
        yield f"(unique {col(name)} 1)"
        yield f"(unique {col(name)} 0)"
    for a, b in (("e", "f"), ("f", "e"), ("k", "e"), ("e", "k"), ("i", "k"), ("k", "i")):
        yield f"(table {col(a)} {col(b)} 1)"
        yield f"(table {col(a)} {col(b)} 0)"
    yield from (
        "(table (cols fa [2 3]) 1)",
        "(table (cols fa [2 3]) 0)",
        "(table (cols fa [0 1 2]) 1)",
        "(table (cols f1 2) 1)",
        "(table (cols f0 2) 1)",
        "(unique (cols f0 2) 1)",
        "(unique (cols fa [0 1]) 1)",
        "(hist (cols fa 7) 4)",
        "(hist (cols fa 8) 2)",
        "(hist (cols fa 0) [-3 0 1.5 5])",
        "(hist (cols fa 2) 3)",
        "(hist (cols fa [0 1]) 3)",
        "(hist (cols fa 7) 0)",
    )
    for rule in ("sturges", "rice", "sqrt", "doane", "scott", "fd", "other"):
        yield f'(hist (cols fa 7) "{rule}")'
        yield f'(hist (cols fa 8) "{rule}")'


def _groups() -> Iterator[str]:
    for how in ("nrow", "mean", "sum", "sumSquares", "var", "sdev", "min", "max", "median", "mode"):
        for na in ("all", "rm", "ignore"):
            at = 3 if how == "mode" else 0
            yield f'(GB fa [2] "{how}" {at} "{na}")'
        yield f'(GB fa [7 3] "{how}" {3 if how == "mode" else 8} "all")'
        yield f'(GB fa [] "{how}" {3 if how == "mode" else 8} "all")'
        yield f'(GB f1 [2] "{how}" {3 if how == "mode" else 8} "all")'
    yield from (
        '(GB fa [0] "nrow" 0 "all")',
        '(GB fa [5] "nrow" 0 "all")',
        '(GB fa [4] "nrow" 0 "all")',
        '(GB fa [4] "mean" 7 "all")',
        '(GB fa [2] "mean" 4 "all")',
        '(GB fa [2] "mean" 2 "all")',
        '(GB fa [2] "mean" 3 "all")',
        '(GB fa [2] "max" 5 "rm")',
        '(GB fa [2] "mean" 5 "rm")',
        '(GB fa [6 2] "sum" 7 "all" "mean" 8 "all" "nrow" 0 "all")',
        '(GB fa ["e"] "mean" "k" "all")',
        '(GB fa [2] "other" 0 "all")',
        '(GB fa [2] "mean" 0 "other")',
        '(GB fa [99] "mean" 0 "all")',
        '(GB fa [2] "mean" 99 "all")',
        '(GB f0 [2] "mean" 7 "all")',
        "(ddply fa [2] {x . (nrow x)})",
        "(ddply fa [2] {x . (sum (cols x 7))})",
        "(ddply fa [7 3] {x . (mean (cols x [7 8]) 1 0)})",
        "(ddply fa [2] {x . (max (cols x 8))})",
        "(ddply fa [5] {x . (nrow x)})",
        "(ddply fa [99] {x . (nrow x)})",
        "(apply (cols fa [7 8]) 1 {x . (sum x)})",
        "(apply (cols fa [7 8]) 1 {x . (mean x 1 1)})",
        "(apply (cols fa [7 8]) 1 {x . (max x)})",
        "(apply (cols fa [7 8]) 1 {x . (* x 2)})",
        "(apply (cols fa [0 1]) 1 {x . (sqrt x)})",
        "(apply (cols fa [7 8]) 1 {x . (cols x 1)})",
        "(apply (cols fa [7 8]) 2 {x . (sum x)})",
        "(apply (cols fa [0 7]) 2 {x . (is.na x)})",
        "(apply (cols fa [0 7]) 2 {x . (mean x 1 0)})",
        "(apply (cols fa [0 7]) 2 {x . (sort x [0] [1])})",
        "(apply (cols fa [0 7]) 3 {x . (sum x)})",
        "(apply (cols fa [0 7]) 2 sum)",
        "(apply (cols fa [7 8]) 1 sum)",
        "(apply 3 1 sum)",
        '(rank_within_groupby fa ["e"] ["k"] [1] "rk" 0)',
        '(rank_within_groupby fa ["e"] ["k"] [-1] "rk" 0)',
        '(rank_within_groupby fa ["e" "f"] ["n" "k"] [1 -1] "rk" 0)',
        '(rank_within_groupby fa ["k"] ["n"] [1] "rk" 1)',
        '(rank_within_groupby fa ["k"] ["none"] [1] "rk" 1)',
    )
    for method in ("mean", "median", "mode"):
        for combine in ("interpolate", "low"):
            yield f'(h2o.impute (rows (cols fa [0 1 2 7]) [0:8]) 0 "{method}" "{combine}" [] _ _)'
        yield f'(h2o.impute (rows (cols fa [0 1 2 7]) [0:8]) 2 "{method}" "interpolate" [] _ _)'
        yield f'(h2o.impute (rows (cols fa [0 1 2 3]) [0:8]) 0 "{method}" "interpolate" [3] _ _)'
    yield '(h2o.impute (rows (cols fa [0 1 2 7]) [0:8]) -1 "mean" "interpolate" [] _ _)'
    yield '(h2o.impute (rows (cols fa [0 1 7]) [0:8]) -1 "mean" "interpolate" [] _ [1 2 3])'


def _joins() -> Iterator[str]:
    left, right = "(cols fa [2 7 8 4])", "(cols fb [0 3 2])"
    for how in ("auto", "radix", "hash", "other"):
        for x, y in ((0, 0), (1, 0), (0, 1), (1, 1)):
            yield f'(merge {left} {right} {x} {y} [0] [0] "{how}")'
            if how != "hash":
                yield f'(merge {left} (rows (cols fb [1 2 3]) [0 1 4]) {x} {y} [1] [0] "{how}")'
    for x, y in ((0, 0), (1, 0), (0, 1)):
        yield f'(merge {left} (cols fb [0 1 2]) {x} {y} [0 1] [0 1] "auto")'
        yield f'(merge (cols fa [8 7]) (cols fb [2 3]) {x} {y} [0] [0] "auto")'
        yield f'(merge f0 {right} {x} {y} [2] [0] "auto")'
        yield f'(merge f1 {right} {x} {y} [2] [0] "auto")'
        yield f'(merge (cols fa [7 0]) (cols f1 [7 8]) {x} {y} [0] [0] "auto")'
    yield from (
        f'(merge {left} (cols fb [0 1 2]) 0 0 [0] [0] "auto")',
        f'(merge {left} {right} 0 0 [0] [2] "auto")',
        f'(merge {left} {right} 0 0 [0 1] [0] "auto")',
        f'(merge {left} {right} 0 0 [99] [0] "auto")',
        '(merge (cols fa [4 7]) (cols fa [4 8]) 0 0 [0] [0] "auto")',
        '(merge (cols fa [5 7]) (cols fa [5 8]) 0 0 [0] [0] "auto")',
        '(merge (cols fa [7 2]) fm 0 0 [] [] "auto")',
        '(merge fm fm 0 0 [] [] "auto")',
    )


def _series() -> Iterator[str]:
    for method in ("Pearson", "Spearman", "other"):
        for use in ("everything", "all.obs", "complete.obs", "other"):
            yield f'(cor (cols fa [7 8]) (cols fa [8 7]) "{use}" "{method}")'
            yield f'(cor (cols fa 0) (cols fa 8) "{use}" "{method}")'
    for use in ("everything", "all.obs", "complete.obs"):
        yield f'(var (cols fa [0 7]) (cols fa [0 7]) "{use}" 1)'
        yield f'(var (cols fa [0 7]) (cols fa [8]) "{use}" 0)'
        yield f'(var (cols fa 8) (cols fa 7) "{use}" 0)'
    for measure in ("l1", "l2", "cosine", "cosine_sq", "other"):
        yield f'(distance fm (rows fm [0:2]) "{measure}")'
        yield f'(distance (cols fa [7 8]) (cols f1 [7 8]) "{measure}")'
    yield from (
        '(var (cols fa 2) (cols fa 2) "everything" 1)',
        '(var (cols fa 4) (cols fa 4) "everything" 1)',
        '(var fm (cols fa [7 8]) "everything" 0)',
        '(distance (cols fa [0 1]) (cols f1 [0 1]) "l2")',
        '(distance fm (cols fm [0 1]) "l2")',
        "(scale (cols fa [0 7 8]) 1 1)",
        "(scale (cols fa [0 7 8]) 1 0)",
        "(scale (cols fa [0 7 8]) 0 1)",
        "(scale (cols fa [0 7 8]) 0 0)",
        "(scale (cols fa [0 2 8]) 1 1)",
        "(scale (cols fa [7 8]) [1 2] [2 4])",
        "(scale (cols fa [7 8]) [1] [2 4])",
        "(scale f1 1 1)",
        "(difflag1 (cols fa 7))",
        "(difflag1 (cols fa 0))",
        "(difflag1 (cols fa 2))",
        "(difflag1 (cols f1 0))",
        "(difflag1 (cols fa [0 1]))",
        "(isax (cols fm [0 1 2]) 1 4 0)",
        "(isax (t (cols fa [7 8])) 2 8 0)",
        "(isax (t (cols fa [7 8])) 4 16 1)",
        "(isax (t (cols fa [7 8])) 0 8 0)",
        "(modulo_kfold_column fa 3)",
        "(modulo_kfold_column f1 3)",
        "(kfold_column fa 1 1)",
        "(kfold_column fa 0 1)",
        "(h2o.random_stratified_split (cols fa 0) 0.5 1)",
        "(stratified_kfold_column (cols fa 0) 2 1)",
        "(perfectAUC (cols fa 8) (> (cols fa 7) 2))",
        "(perfectAUC (cols fa 8) (cols fa 8))",
        '(tf-idf (append (cols fa 7) (as.character (cols fa 2)) "txt") 0 1 0 1)',
        '(tf-idf (append (cols fa 7) (as.character (cols fa 2)) "txt") 0 1 1 1)',
        '(tf-idf (append (cols fa 7) (as.character (cols fa 3)) "txt") 0 1 1 0)',
        "(tf-idf fa 0 1 1 1)",
        "(getTimeZone)",
        "(, 1 (+ 1 1))",
        "(, 1)",
        "({x y . (- x y)} 5 3)",
        "({x . ({y . (* x y)} 4)} 3)",
        "({x . x} 1 2)",
        "({. 5})",
        "(1 2)",
        "(nosuch 1)",
        "(+ nosuch 1)",
        "(rm nosuch)",
        '(rename "nosuch" "other")',
        "TRUE",
        "NA",
        "[1:3 7]",
        "[1:0]",
        '["a" 1]',
        '"it\'s"',
        "'a\\nb'",
        '"\\q"',
        "(+ 1 2",
        "(+ 1 2))",
        "(+ 1L 2)",
        "{x . (+ x 1)}",
        "fa",
    )
