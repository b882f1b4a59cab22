"""Sessions: temporaries, names, lifetime, isolation - and no key left behind, whatever is evaluated."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ApiError, BadRequestError
from h2ok.capabilities.contracts.extension import Extension, Primitives
from h2ok.capabilities.contracts.primitive import Primitive
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.rapids.routes import RapidsSchemaV3, execute, list_primitives
from h2ok.kernel import H2OKError, IllegalArgumentError, KeyNotFoundError
from h2ok.kernel.testing import local_cloud
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Rapids, make_runtime


def keys(r: Rapids) -> set[str]:
    return {k for n in r.nodes for k in n.dkv.local_keys()}


@pytest.fixture
def small(rapids: Rapids) -> Iterator[Rapids]:
    before = keys(rapids)
    rapids.put("fr", 3, a=np.arange(10.0), b=np.arange(10.0) % 3, c=["x", "y", None, "x", "x", "y", "z", "z", None, "x"])
    yield rapids
    rapids.sessions.end("_sid_test")
    rapids.session = rapids.sessions.get("_sid_test")
    rapids("(rm fr)")
    assert keys(rapids) == before


def test_temporaries_live_until_the_session_ends(small: Rapids) -> None:
    small("(tmp= t1 (+ fr 1))")
    small("(tmp= t2 (cols t1 [0 1]))")
    assert small("(nrow t2)") == 10
    small("(rm t1)")
    assert np.array_equal(small.node.frames.get("t2").vec("a").to_numpy(small.node), np.arange(1.0, 11.0))
    small.sessions.end("_sid_test")
    with pytest.raises(KeyNotFoundError):
        small.node.frames.get("t2")
    assert small.node.frames.get("fr").n_rows == 10


def test_temporaries_are_not_overwritten(small: Rapids) -> None:
    small("(tmp= t1 (cols fr 0))")
    with pytest.raises(BadRequestError, match="exists already"):
        small("(tmp= t1 (cols fr 1))")
    small("(tmp= t1 t1)")
    with pytest.raises(BadRequestError, match="temporary of this session"):
        small("(assign t1 fr)")


def test_assign_outlives_the_session_and_overwrites(small: Rapids) -> None:
    small("(assign g1 (cols fr 0))")
    small("(assign g1 (cols fr 1))")
    small.sessions.end("_sid_test")
    assert small.node.frames.get("g1").names == ("b",)
    assert small("(rm g1)") == 1
    assert small("(rm g1)") == 0


def test_dollar_names_belong_to_the_session(small: Rapids) -> None:
    small("(tmp= $t (cols fr 0))")
    assert small("(nrow $t)") == 10
    assert small.node.frames.get("t~_sid_test").names == ("a",)
    with pytest.raises(BadRequestError, match="Name lookup"):
        small.sessions.get("_sid_other").execute("(nrow $t)")


def test_frames_hide_primitives_but_not_constants(small: Rapids) -> None:
    small("(assign mean (cols fr 0))")
    small("(assign TRUE (cols fr 0))")
    try:
        assert small("(nrow mean)") == 10
        with pytest.raises(BadRequestError, match="Expected a function"):
            small("(mean fr 1 0)")
        assert small("TRUE") == 1.0
    finally:
        small("(rm mean)")
        small("(rm TRUE)")


def test_frames_are_never_changed_unless_asked(small: Rapids) -> None:
    before = small.node.frames.get("fr")
    small("(:= fr 5 0 (> (cols fr 1) 0))")
    small("(append fr 1 'new')")
    small("(setDomain (cols fr 2) 0 ['p' 'q' 'r'])")
    small("(scale (cols fr [0 1]) 1 1)")
    after = small.node.frames.get("fr")
    assert [v.key for v in after.vecs] == [v.key for v in before.vecs]
    small("(colnames= fr [0] ['A'])")
    assert small.node.frames.get("fr").names == ("A", "b", "c")


def test_functions_see_where_they_stand(small: Rapids) -> None:
    assert small("({x . ({y . (+ x y)} 2)} 1)") == 3
    assert small("({f . (f 3)} {x . (* x x)})") == 9
    assert small("({f . (f 4)} sqrt)") == 2
    with pytest.raises(BadRequestError, match="expects 1 but was passed 2"):
        small("({x . x} 1 2)")
    with pytest.raises(BadRequestError, match="'sin' expects 1 but was passed 2"):
        small("(sin 1 2)")


def test_endless_functions_are_stopped(small: Rapids) -> None:
    with pytest.raises(BadRequestError, match="too deep"):
        small("({f . (f f)} {f . (f f)})")
    assert small("(+ 1 2)") == 3


def test_deep_chains_of_operators(small: Rapids) -> None:
    depth = 195
    frame = small.frame("(+ " * depth + "(cols fr 0)" + " 1)" * depth)
    assert np.array_equal(frame.vecs[0].to_numpy(small.node), np.arange(10.0) + depth)


def test_a_failing_expression_leaves_nothing(small: Rapids) -> None:
    before = keys(small)
    for text in ("(cbind (+ fr 1) (cols fr 99))", "(sort (+ (cols fr 0) 1) [5] [1])", "(tmp= x (+ (abs (cols fr 0)) (nosuch 1)))"):
        with pytest.raises(H2OKError):
            small(text)
        assert keys(small) == before


def test_calls_of_one_session_run_one_at_a_time(small: Rapids) -> None:
    errors: list[BaseException] = []

    def work(i: int) -> None:
        try:
            for j in range(5):
                small(f"(tmp= w{i}_{j} (+ (cols fr 0) {i}))")
                small(f"(rm w{i}_{j})")
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors


def test_a_stranger_adds_a_primitive_through_the_same_door() -> None:
    double = Primitive("their.double", lambda env, x: env.evaluate_twice if x is None else 2 * x, 1, ("x",), "Twice.")
    count = Primitive("their.rows", lambda env, fr: float(env.frame(fr).n_rows), 1, ("fr",), "Rows.")
    theirs = Extension("theirs", provides=(Primitives([double, count], ("their.double", "their.rows")),))  # type: ignore[arg-type]
    with local_cloud(1) as nodes:
        r = Rapids(nodes, theirs)
        r.put("f", a=np.arange(4.0))
        assert r("(their.double 4)") == 8
        assert r("(their.rows (+ f 1))") == 4
        with pytest.raises(BadRequestError, match="expects 1"):
            r("(their.rows f f)")


# -- routes ---------------------------------------------------------------------------------------------------------------


def ask(r: Rapids, ast: str | None, **more: str) -> dict[str, object]:
    return execute(RequestContext(r.runtime), RapidsSchemaV3(ast=ast, **more)).to_json()  # type: ignore[union-attr]


def test_answers_have_the_schema_of_their_kind(small: Rapids) -> None:
    def name(text: str) -> str:
        return ask(small, text)["__meta"]["schema_name"]  # type: ignore[index,no-any-return]

    assert name("(+ 1 2)") == "RapidsNumberV3"
    assert name("[1 2]") == "RapidsNumbersV3"
    assert name("(getrow (rows (cols fr [0 1]) 0))") == "RapidsNumbersV3"
    assert name("'a'") == "RapidsStringV3"
    assert name("['a' 'b']") == "RapidsStringsV3"
    assert name("{x . x}") == "RapidsFunctionV3"
    frame = ask(small, "(tmp= t9 (cols fr 0))", session_id="_sid_test")
    assert frame["__meta"]["schema_name"] == "RapidsFrameV3"  # type: ignore[index]
    assert (frame["key"]["name"], frame["num_rows"], frame["num_cols"]) == ("t9", 10, 1)  # type: ignore[index]
    assert ask(small, "fr")["key"]["name"] is None  # type: ignore[index]
    assert ask(small, "(/ 1 0)")["scalar"] == "Infinity"


def test_empty_and_deprecated_requests(small: Rapids) -> None:
    empty = ask(small, "")
    assert (empty["ast"], empty["id"]) == ("", None)
    with pytest.raises(IllegalArgumentError, match="'id'"):
        ask(small, "(+ 1 2)", id="foo")
    with pytest.raises(IllegalArgumentError, match="'ast'"):
        RapidsSchemaV3.parse({"session_id": "x"})


def test_help_lists_every_primitive(small: Rapids) -> None:
    listed = list_primitives(RequestContext(small.runtime), None).to_json()["expressions"]  # type: ignore[union-attr]
    assert len(listed) >= 190
    assert all(p["description"] for p in listed)
    assert {"name": "sin", "pattern": "(sin x)"}.items() <= next(p for p in listed if p["name"] == "sin").items()


def test_declared_names_are_the_defined_ones() -> None:
    from h2ok.capabilities.registry import resolve
    from h2ok.ext.algos.extension import extension as algos
    from h2ok.ext.models.extension import extension as models
    from h2ok.ext.persist_s3.extension import extension as s3
    from h2ok.ext.rapids.extension import extension as rapids
    from h2ok.ext.rapids.primitives.models import UNAVAILABLE

    seen: set[str] = set()
    for group in (*rapids.provides, *models.provides, *algos.provides, *s3.provides):
        if isinstance(group, Primitives):
            assert {p.name for p in resolve(group.target)} == set(group.names)
            assert not seen & set(group.names)
            seen |= set(group.names)
    assert not seen & set(UNAVAILABLE)
    surface = json.loads((Path(__file__).parents[2] / "docs" / "h2o_surface.json").read_text())
    assert seen | set(UNAVAILABLE) >= set(surface["primitives"])


def test_what_needs_models_says_so(small: Rapids) -> None:
    with pytest.raises(ApiError, match="supports word vectors") as e:
        small("(word2vec.to.frame 'a')")
    assert e.value.status == 412


def test_two_runtimes_share_nothing() -> None:
    with local_cloud(1) as a, local_cloud(1) as b:
        first, second = Rapids(a), Rapids(b)
        first.put("f", a=np.arange(3.0))
        first("(setproperty 'p' 'v')")
        assert second("(setproperty 'p' 'w')") == "Old values of p (per node): null"
        assert make_runtime(b[0]) is not None
        with pytest.raises(BadRequestError):
            second("(nrow f)")


# -- fuzz -----------------------------------------------------------------------------------------------------------------

_names = st.sampled_from(
    [
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "<",
        "&",
        "|",
        "abs",
        "log",
        "not",
        "is.na",
        "ifelse",
        "cols",
        "cols_py",
        "rows",
        "sum",
        "mean",
        "max",
        "cbind",
        "rbind",
        "sort",
        "table",
        "unique",
        "as.factor",
        "t",
        "x",
        "nrow",
        "as.numeric",
        "as.character",
        "levels",
        "quantile",
        "GB",
        "merge",
        "cut",
        "scale",
        "strlen",
        "toupper",
        "which",
        "match",
        "apply",
        "na.omit",
        "flatten",
        "getrow",
        "cumsum",
        "h2o.runif",
        "append",
        ":=",
        "year",
        "relevel",
        "melt",
        "pivot",
        "hist",
        "dropdup",
        "topn",
        "difflag1",
        "tokenize",
        ",",
    ]
)
_leaves = st.sampled_from(
    [
        "fr",
        "1",
        "0",
        "-1",
        "NaN",
        "'a'",
        "'c'",
        "[0]",
        "[0 1]",
        "[]",
        "['a' 'b']",
        "[0:3]",
        "TRUE",
        "{x . x}",
        "{x . (+ x 1)}",
        "nosuch",
    ]
)
_trees = st.recursive(
    _leaves,
    lambda inner: st.tuples(_names, st.lists(inner, max_size=4)).map(lambda t: f"({' '.join((t[0], *t[1]))})"),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_trees)
def test_any_expression_answers_or_says_why(fuzzed: Rapids, text: str) -> None:
    before = keys(fuzzed)
    try:
        value = fuzzed(text)
        assert value is not None
    except H2OKError:
        pass
    assert {k for k in keys(fuzzed) - before if not k.startswith("\x01r")} == set()


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Rapids]:
    with local_cloud(1) as nodes:
        r = Rapids(nodes)
        r.put("fr", 3, a=np.array([1.0, np.nan, 3, 0, 5, 6, 7]), b=np.arange(7.0) % 3, c=["x", "y", None, "x", "x", "y", "z"])
        yield r


def test_a_warm_up_compiles_every_kernel() -> None:
    from h2ok.ext.rapids import kernels
    from h2ok.ext.rapids.warmup import warmup

    warmup()
    compiled = [getattr(kernels, name) for name in kernels.__all__]
    assert compiled
    assert all(k.signatures for k in compiled)
