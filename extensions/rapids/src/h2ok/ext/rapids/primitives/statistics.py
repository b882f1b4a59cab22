"""Relations between columns: correlation, covariance, distance; standardising; matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import blockwise, fold, foldable, map_vecs
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.fused import Expr, LazyFrame, lazy
from h2ok.ext.rapids.primitives.assigning import mutate, unique_name
from h2ok.ext.rapids.rows import fetch, fetch_codes
from h2ok.ext.rapids.values import Numbers, Row
from h2ok.kernel import Block, Frame, Node, OutputSpec, Vec
from numpy.typing import NDArray

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives

#: Columns of a transposed or multiplied frame.
MAX_MATRIX_COLUMNS = 20_000

_USES = ("everything", "all.obs", "complete.obs")


# -- covariance -----------------------------------------------------------------------------------------------------------


def _moments_merge(a: Any, b: Any) -> Any:
    n = a[0] + b[0]
    delta = b[1] - a[1]
    mean = a[1] + delta * (b[0] / n) if n else a[1]
    return n, mean, a[2] + b[2] + np.outer(delta, delta) * (a[0] * b[0] / n if n else 0.0)


@foldable(_moments_merge)
def _comoments(block: Block, params: dict[str, Any]) -> Any:
    """(rows, means, sums of products of deviations) of complete rows. Chan et al. 1979."""
    x = block.matrix()
    if params["complete"]:
        x = x[~np.isnan(x).any(axis=1)]
    n = len(x)
    if n == 0:
        k = x.shape[1]
        return 0, np.zeros(k), np.zeros((k, k))
    mean = x.mean(axis=0)
    d = x - mean
    return n, mean, d.T @ d


def _covariance(env: Env, x: Frame, y: Frame, use: str) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(covariances of x by y, deviations of x, deviations of y)."""
    vecs = [*x.vecs, *env.node.frames.align(y.vecs, x.espc)]
    if use == "all.obs" and any(env.node.rollups(v).na_count for v in vecs):
        raise BadRequestError("use 'all.obs' does not allow missing values; remove them or choose complete.obs.")
    n, _, products = fold(env.node, _comoments, vecs, complete=use == "complete.obs")
    k = x.n_cols
    with np.errstate(all="ignore"):
        cov = products / (n - 1) if n > 1 else np.full_like(products, np.nan)
    sd = np.sqrt(np.diag(cov))
    return cov[:k, k:], sd[:k], sd[k:]


def _two_frames(x: Any, y: Any, use: Any, who: str) -> tuple[Frame, Frame, str]:
    a, b, how = (
        args.as_frame(x, f"first argument of {who}"),
        args.as_frame(y, f"second argument of {who}"),
        args.as_string(use, "use"),
    )
    if how not in _USES:
        raise BadRequestError(f"use '{how}' is unknown; it must be one of {', '.join(_USES)}.")
    if a.n_rows != b.n_rows:
        raise BadRequestError(f"{who} needs frames of equal numbers of rows, found {a.n_rows} and {b.n_rows}.")
    for f in (a, b):
        for n, v in zip(f.names, f.vecs, strict=True):
            if v.type in ("string", "uuid"):
                raise BadRequestError(f"{who} needs numeric columns; '{n}' is {v.type}.")
    return a, b, how


def _matrix_frame(env: Env, matrix: NDArray[np.float64], names: Any) -> Frame:
    return Frame(
        "", tuple(names), tuple(env.node.frames.vec_of(np.ascontiguousarray(matrix[:, j])) for j in range(matrix.shape[1]))
    )


def _single_rows(a: Frame, b: Frame, env: Env) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if a.n_cols != b.n_cols:
        raise BadRequestError(f"Two rows must have equal numbers of columns, found {a.n_cols} and {b.n_cols}.")
    return np.array([v.at(env.node, 0) for v in a.vecs]), np.array([v.at(env.node, 0) for v in b.vecs])


@family("var", "x y use symmetric", "Covariances of the columns of x by those of y.")
def var(env: Env, x: Any, y: Any, use: Any, symmetric: Any) -> Any:
    a, b, how = _two_frames(x, y, use, "var")
    if a.n_rows == 1 and a.n_cols > 1:
        p, q = _single_rows(a, b, env)
        return float(np.cov(p, q)[0, 1])
    cov = _covariance(env, a, b, how)[0]
    return float(cov[0, 0]) if cov.size == 1 else _matrix_frame(env, cov, b.names)


@family("cor", "x y use method", "Correlations of the columns of x by those of y; Pearson or Spearman.")
def cor(env: Env, x: Any, y: Any, use: Any, method: Any) -> Any:
    a, b, how = _two_frames(x, y, use, "cor")
    kind = args.as_string(method, "method").lower()
    if kind not in ("pearson", "spearman"):
        raise BadRequestError(f"Correlation method '{method}' is unknown; it must be Pearson or Spearman.")
    if a.n_rows == 1 and a.n_cols > 1:
        p, q = _single_rows(a, b, env)
        return float(np.corrcoef(p, q)[0, 1])
    names: Any = b.names
    if kind == "spearman":
        a, b = _ranked(env, a, b, how)
        names = [f"C{j + 1}" for j in range(b.n_cols)]
    elif how == "complete.obs":
        # H2O: the columns were bound side by side, so repeated names of the second set got a number.
        bound = list(a.names)
        for n in b.names:
            bound.append(unique_name(bound, n))
        names = bound[a.n_cols :]
    cov, sx, sy = _covariance(env, a, b, how)
    with np.errstate(all="ignore"):
        out = cov / np.outer(sx, sy)
    return float(out[0, 0]) if out.size == 1 else _matrix_frame(env, out, names)


def _ranked(env: Env, a: Frame, b: Frame, use: str) -> tuple[Frame, Frame]:
    """Both frames with values replaced by their average ranks among the complete rows."""
    x = np.column_stack([fetch(env.node, v) for v in (*a.vecs, *env.node.frames.align(b.vecs, a.espc))])
    incomplete = np.isnan(x).any(axis=1)
    if use == "complete.obs":
        x = x[~incomplete]
    ranks = np.column_stack([_average_ranks(x[:, j]) for j in range(x.shape[1])])
    vecs = tuple(env.node.frames.vec_of(np.ascontiguousarray(ranks[:, j])) for j in range(ranks.shape[1]))
    return Frame("", a.names, vecs[: a.n_cols]), Frame("", b.names, vecs[a.n_cols :])


def _average_ranks(x: NDArray[np.float64]) -> NDArray[np.float64]:
    _, back, counts = np.unique(x, return_inverse=True, return_counts=True, equal_nan=True)
    ends = np.cumsum(counts)
    out = ((ends - counts + 1 + ends) / 2)[back].astype(np.float64)
    out[np.isnan(x)] = np.nan
    return out


# -- distance -------------------------------------------------------------------------------------------------------------


@blockwise
def _distances(block: Block, params: dict[str, Any]) -> None:
    x, q, measure = block.matrix(), params["query"], params["measure"]
    for j in range(len(q)):
        block.write(j, _distance(x, q[j], measure))


def _distance(x: NDArray[np.float64], q: NDArray[np.float64], measure: str) -> NDArray[np.float64]:
    out: NDArray[np.float64]
    if measure == "l1":
        out = np.abs(x - q).sum(axis=1)
    elif measure == "l2":
        out = np.sqrt(((x - q) ** 2).sum(axis=1))
    else:
        with np.errstate(all="ignore"):
            out = (x @ q) / (np.sqrt((x * x).sum(axis=1)) * np.sqrt(q @ q))
    return out**2 if measure == "cosine_sq" else out


@family("distance", "ref query measure", "Distances of every row of ref to every row of query: l1, l2, cosine or cosine_sq.")
def distance(env: Env, ref: Any, query: Any, measure: Any) -> Frame:
    a, b, kind = (
        args.as_frame(ref, "first argument of distance"),
        args.as_frame(query, "second argument"),
        args.as_string(measure, "measure"),
    )
    if kind not in ("l1", "l2", "cosine", "cosine_sq"):
        raise BadRequestError(f"Measure '{kind}' is unknown; it must be l1, l2, cosine or cosine_sq.")
    if a.n_cols != b.n_cols or not a.n_cols:
        raise BadRequestError(f"distance needs frames of equal numbers of columns, found {a.n_cols} and {b.n_cols}.")
    if b.n_rows > MAX_MATRIX_COLUMNS:
        raise BadRequestError(f"The query has {b.n_rows} rows, one column each; at most {MAX_MATRIX_COLUMNS} are allowed.")
    for f in (a, b):
        args.require_numeric(f, "distance", ("numeric", "bad"))
        if any(env.node.rollups(v).na_count for v in f.vecs):
            raise BadRequestError("distance does not allow missing values; impute or remove them first.")
    q = np.ascontiguousarray(b.to_numpy(env.node))
    return Frame(
        "",
        tuple(f"C{j + 1}" for j in range(len(q))),
        map_vecs(env.node, _distances, a, [OutputSpec()] * len(q), query=q, measure=kind),
    )


# -- scale ----------------------------------------------------------------------------------------------------------------


def _per_column(env: Env, frame: Frame, value: Any, what: str) -> list[float] | None:
    """None for "no", a number for each column, or the empty list for "by the column's own"."""
    if isinstance(value, Numbers | Row) and len(args.as_numbers(value)) > 0:
        numbers: list[float] = args.as_numbers(value, what).tolist()
        if len(numbers) != frame.n_cols:
            raise BadRequestError(f"{what} has {len(numbers)} numbers for {frame.n_cols} columns; both must be equal.")
        return numbers
    return [] if args.as_bool(value, what) else None


def _scaled(env: Env, fr: Any, center: Any, scale: Any) -> Frame | LazyFrame:
    frame = args.as_frame(fr, "first argument of scale")
    centers, scales = _per_column(env, frame, center, "center"), _per_column(env, frame, scale, "scale")
    columns: list[Any] = []
    for j, v in enumerate(frame.vecs):
        if v.type != "numeric":
            columns.append(v)
            continue
        stats = env.node.rollups(v)
        column: Any = v
        if centers is not None:
            column = Expr("-", (column, centers[j] if centers else stats.mean), v.espc)
        if scales is not None:
            # H2O: given numbers multiply, the column's own deviation divides.
            factor = scales[j] if scales else 1.0 / stats.sigma if stats.sigma else 1.0
            column = Expr("*", (column, factor), v.espc)
        columns.append(column)
    return lazy(frame.names, columns)


@family("scale", "fr center scale", "Numeric columns minus their means, divided by their standard deviations.")
def scale(env: Env, fr: Any, center: Any, scale: Any) -> Any:
    return _scaled(env, fr, center, scale)


@family("scale_inplace", "fr center scale", "As scale, changing the frame itself.")
def scale_in_place(env: Env, fr: Any, center: Any, scale: Any) -> Frame:
    return mutate(env, fr, env.frame(_scaled(env, fr, center, scale)))


# -- matrices -------------------------------------------------------------------------------------------------------------


@family("t", "fr", "The frame with rows and columns exchanged; columns C1, C2, ...")
def transpose(env: Env, fr: Any) -> Frame:
    frame = args.as_frame(fr)
    if frame.n_rows > MAX_MATRIX_COLUMNS:
        raise BadRequestError(
            f"A frame of {frame.n_rows} rows would get as many columns; at most {MAX_MATRIX_COLUMNS} are allowed."
        )
    names = tuple(f"C{j + 1}" for j in range(frame.n_rows))
    domains = {v.domain for v in frame.vecs}
    if all(v.type == "enum" for v in frame.vecs) and len(domains) == 1:
        codes = np.array([fetch_codes(env.node, v) for v in frame.vecs])
        return Frame(
            "", names, tuple(env.node.frames.vec_of(codes[:, j], "enum", frame.vecs[0].domain) for j in range(frame.n_rows))
        )
    args.require_numeric(frame, "t")
    x = frame.to_numpy(env.node)
    return Frame("", names, tuple(env.node.frames.vec_of(np.ascontiguousarray(row)) for row in x))


@blockwise
def _times(block: Block, params: dict[str, Any]) -> None:
    with np.errstate(all="ignore"):
        out = _plain_product(block.matrix(), params["right"])
    for j in range(out.shape[1]):
        block.write(j, out[:, j])


def _plain_product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """A @ b. A missing value makes its sums missing; H2O: but not where the right factor is 0."""
    missing_a, missing_b = np.isnan(a), np.isnan(b)
    out = np.where(missing_a, 0.0, a) @ np.where(missing_b, 0.0, b)
    if missing_a.any():
        out[missing_a.astype(np.float64) @ (b != 0).astype(np.float64) > 0] = np.nan
    out[:, missing_b.any(axis=0)] = np.nan
    return out


@family("x", "a b", "Matrix product; columns C1, C2, ...")
def matrix_product(env: Env, a: Any, b: Any) -> Frame:
    left, right = args.as_frame(a, "left matrix"), args.as_frame(b, "right matrix")
    if left.n_cols != right.n_rows:
        raise BadRequestError(f"The left matrix has {left.n_cols} columns, the right one {right.n_rows} rows; both must be equal.")
    args.require_numeric(left, "x")
    args.require_numeric(right, "x")
    q = right.to_numpy(env.node)
    names = tuple(f"C{j + 1}" for j in range(right.n_cols))
    return Frame("", names, map_vecs(env.node, _times, left, [OutputSpec()] * right.n_cols, right=q))


@blockwise
def _difference(block: Block, params: dict[str, Any]) -> None:
    x = block.numbers(0)
    previous = params["last"].get(block.index, np.nan)
    block.write(0, np.diff(x, prepend=previous))


@foldable(lambda a, b: {**a, **b})
def _last_of_chunk(block: Block, params: dict[str, Any]) -> dict[int, float]:
    return {block.index: float(block.numbers(0)[-1])} if block.n_rows else {}


def last_before(node: Node, vec: Vec) -> dict[int, float]:
    """The last value before each chunk, by chunk index; chunks with nothing before are absent."""
    ends = fold(node, _last_of_chunk, [vec])
    out: dict[int, float] = {}
    last: float | None = None
    for i in range(vec.n_chunks):
        if last is not None:
            out[i] = last
        last = ends.get(i, last)
    return out


@family("difflag1", "col", "Each value minus the one before it; the first is NA.")
def difference(env: Env, col: Any) -> Frame:
    vec = args.one_column(col, "argument of difflag1")
    args.require_numeric(col, "difflag1")
    return Frame("", col.names, map_vecs(env.node, _difference, [vec], last=last_before(env.node, vec)))
