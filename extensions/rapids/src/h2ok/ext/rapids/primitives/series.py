"""Time series and curves: iSAX words, exact AUC, isotonic steps, permuted groups."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import blockwise, map_vecs
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.fused import Expr, compute
from h2ok.ext.rapids.grouping import group
from h2ok.ext.rapids.keys import order_of, ordered_codes
from h2ok.ext.rapids.rows import fetch, fetch_codes
from h2ok.kernel import Block, Frame, OutputSpec, Vec
from numpy.typing import NDArray

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives


# -- iSAX -----------------------------------------------------------------------------------------------------------------


@blockwise
def _symbols(block: Block, params: dict[str, Any]) -> None:
    x, n_words, card = block.matrix(), params["n_words"], params["cardinality"]
    known = ~np.isnan(x)
    n = known.sum(axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        d = np.where(known, x - np.where(known, x, 0.0).sum(axis=1, keepdims=True) / n, 0.0)
        sd = np.sqrt((d * d).sum(axis=1, keepdims=True) / (n - 1))
        z = np.where(sd > 0, d / sd, 0.0)
    width = x.shape[1] // n_words
    edges = np.array([NormalDist().inv_cdf(k / card) for k in range(1, card)])
    for w in range(n_words):
        part = z[:, w * width : (w + 1) * width if w < n_words - 1 else x.shape[1]]
        # The mean of a whole standardised row is 0 but for rounding, and 0 is an edge.
        words = np.round(part.mean(axis=1), 12)
        block.write(w, np.searchsorted(edges, words, side="left").astype(np.float64))


@blockwise
def _isax_text(block: Block, params: dict[str, Any]) -> None:
    cards = params["cards"]
    rows = block.matrix().astype(np.int64).tolist()
    block.write(0, ["_".join(f"{c}^{k}" for c, k in zip(row, cards, strict=True)) for row in rows])


@family("isax", "fr n_words max_card optimize", "iSAX word of each row, read as a time series (Shieh and Keogh 2008).")
def isax(env: Env, fr: Any, n_words: Any, max_card: Any, optimize: Any) -> Frame:
    frame, words, card = (
        args.as_frame(fr, "first argument of isax"),
        args.as_int(n_words, "number of words"),
        args.as_int(max_card, "cardinality"),
    )
    args.require_numeric(frame, "isax", ("numeric", "bad"))
    if not 1 <= words <= frame.n_cols or card < 2:
        raise BadRequestError(f"isax needs 1 to {frame.n_cols} words and a cardinality of at least 2, found {words} and {card}.")
    vecs = map_vecs(env.node, _symbols, frame, [OutputSpec()] * words, n_words=words, cardinality=card)
    cards = [card] * words
    if args.as_bool(optimize, "optimize flag"):
        cards = [_smallest_cardinality(env, v, card) for v in vecs]
        exprs = [
            Expr("floor", (Expr("/", (Expr("*", (v, float(c)), v.espc), float(card)), v.espc),), v.espc)
            for v, c in zip(vecs, cards, strict=True)
        ]
        vecs = compute(env.node, exprs)
    text = map_vecs(env.node, _isax_text, vecs, [OutputSpec("string")], cards=cards)
    return Frame("", ("iSax_index", *(f"c{j}" for j in range(words))), (*text, *vecs))


def _smallest_cardinality(env: Env, vec: Vec, card: int) -> int:
    """The smallest power of two that can tell as many symbols as occur."""
    distinct = len(group(env.node, [vec]))
    return min(card, max(2, 1 << (max(distinct, 1) - 1).bit_length()))


# -- AUC ------------------------------------------------------------------------------------------------------------------


@family("perfectAUC", "probs actuals", "Exact area under the ROC curve of probabilities and actual classes 0 and 1.")
def perfect_auc(env: Env, probs: Any, actuals: Any) -> Frame:
    p, y = args.one_column(probs, "probabilities"), args.one_column(actuals, "actual classes")
    if len(p) != len(y):
        raise BadRequestError(f"perfectAUC needs columns of equal numbers of rows, found {len(p)} and {len(y)}.")
    score = fetch(env.node, p)
    label = fetch_codes(env.node, y).astype(np.float64) if y.type == "enum" else fetch(env.node, y)
    if y.type == "enum":
        label[label < 0] = np.nan
    if np.isnan(score).any() or not np.isin(label, (0.0, 1.0)).all():
        raise BadRequestError("perfectAUC needs probabilities without missing values and actual classes 0 and 1.")
    return Frame("", ("C1",), (env.node.frames.vec_of(np.array([exact_auc(score, label)])),))


def exact_auc(score: NDArray[np.float64], label: NDArray[np.float64]) -> float:
    """Share of pairs ranked right, ties counting half (Mann and Whitney 1947); NaN without both classes."""
    _, back, counts = np.unique(score, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    rank = (ends - counts + 1 + ends) / 2
    n_pos = float(label.sum())
    n_neg = len(label) - n_pos
    if not n_pos or not n_neg:
        return math.nan
    return float((rank[back][label == 1].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


# -- isotonic regression --------------------------------------------------------------------------------------------------


@family("isotonic.pav", "fr", "Pool adjacent violators: the isotonic steps of columns y, X and w.")
def pool_adjacent_violators(env: Env, fr: Any) -> Frame:
    frame = args.as_frame(fr, "argument of isotonic.pav")
    if frame.n_cols != 3:
        raise BadRequestError(f"isotonic.pav needs the three columns y, X and weights, found {frame.n_cols}.")
    args.require_numeric(frame, "isotonic.pav", ("numeric", "bad"))
    y, x = fetch(env.node, frame.vecs[0]), fetch(env.node, frame.vecs[1])
    w = fetch(env.node, frame.vecs[2])
    ys, xs, ws = pav_blocks(y, x, w)
    make = env.node.frames.vec_of
    return Frame("", ("C1", "C2", "C3"), (make(ys), make(xs), make(ws)))


def pav_blocks(
    y: NDArray[np.float64], x: NDArray[np.float64], w: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The knots of the isotonic fit: (mean of y, x, weight) where each block begins and ends (Barlow et al. 1972)."""
    use = ~np.isnan(y) & ~np.isnan(x) & (w > 0)
    y, x, w = y[use], x[use], w[use]
    order = order_of([ordered_codes(x), ordered_codes(y)], len(x))
    y, x, w = y[order], x[order], w[order]
    blocks: list[list[float]] = []
    for yi, xi, wi in zip(y.tolist(), x.tolist(), w.tolist(), strict=True):
        new = [yi * wi, wi, xi, xi]
        while blocks and (blocks[-1][0] / blocks[-1][1] >= new[0] / new[1] or blocks[-1][3] == new[2]):
            last = blocks.pop()
            new = [last[0] + new[0], last[1] + new[1], last[2], new[3]]
        blocks.append(new)
    out: list[tuple[float, float, float]] = []
    for s, wt, lo, hi in blocks:
        out.append((s / wt, lo, wt))
        if hi != lo:
            out.append((s / wt, hi, 0.0))
    table = np.array(out).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


# -- permuted groups ------------------------------------------------------------------------------------------------------


@family("grouped_permute", "fr permCol groupBy permuteBy keepCol", "All pairs of debit and credit rows of each group.")
def grouped_permute(env: Env, fr: Any, perm_col: Any, group_by: Any, permute_by: Any, keep_col: Any) -> Frame:
    frame = args.as_frame(fr, "first argument of grouped_permute")
    perm, side, keep = (
        args.column(frame, v, w) for v, w in ((perm_col, "permCol"), (permute_by, "permuteBy"), (keep_col, "keepCol"))
    )
    by = args.column(frame, group_by, "groupBy")
    if frame.vecs[side].type != "enum":
        raise BadRequestError(f"The column permuteBy must be an enum, '{frame.names[side]}' is {frame.vecs[side].type}.")
    g, p, s, k = (fetch(env.node, frame.vecs[j]) for j in (by, perm, side, keep))
    amounts: dict[float, tuple[dict[float, float], dict[float, float]]] = {}
    for gi, pi, si, ki in zip(g.tolist(), p.tolist(), s.tolist(), k.tolist(), strict=True):
        if math.isnan(gi) or math.isnan(pi) or math.isnan(si):
            continue
        sides = amounts.setdefault(gi, ({}, {}))
        # H2O: the level "D" is money that goes in, every other level money that goes out.
        which = sides[0] if (frame.vecs[side].domain or ())[int(si)] == "D" else sides[1]
        which[pi] = which.get(pi, 0.0) + ki
    rows = [
        (gi, pin, pout, a, b) for gi in sorted(amounts) for pin, a in amounts[gi][0].items() for pout, b in amounts[gi][1].items()
    ]
    table = np.array(rows).reshape(-1, 5)
    kinds = [(frame.vecs[by], 0), (frame.vecs[perm], 1), (frame.vecs[perm], 2)]
    vecs = [env.node.frames.vec_of(np.ascontiguousarray(table[:, j]), v.type, v.domain) for v, j in kinds]
    vecs += [env.node.frames.vec_of(np.ascontiguousarray(table[:, j])) for j in (3, 4)]
    return Frame("", (frame.names[by], "In", "Out", "InAmnt", "OutAmnt"), tuple(vecs))
