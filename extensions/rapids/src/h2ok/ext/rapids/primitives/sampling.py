"""Random columns and splits. A draw depends on the seed and the row alone, never on chunks or nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import blockwise, make_vecs
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.keys import fetch_keys, order_of
from h2ok.kernel import Block, Frame, Vec, new_seed, random_bits, uniforms
from numpy.typing import NDArray

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives

#: Streams of one seed, so that two primitives with equal seeds are independent.
_UNIFORM, _FOLD, _STRATIFIED_FOLD, _STRATIFIED_SPLIT = range(4)


def _seed(value: Any) -> int:
    seed = args.as_int(value, "seed")
    return new_seed() if seed == -1 else seed


@blockwise
def _uniforms(block: Block, params: dict[str, Any]) -> None:
    block.write(0, uniforms(params["seed"], params["stream"], block.start, block.n_rows))


@blockwise
def _folds(block: Block, params: dict[str, Any]) -> None:
    draws = uniforms(params["seed"], params["stream"], block.start, block.n_rows)
    block.write(0, np.floor(draws * params["n"]))


@blockwise
def _modulo(block: Block, params: dict[str, Any]) -> None:
    block.write(0, (np.arange(block.start, block.start + block.n_rows) % params["n"]).astype(np.float64))


def _n_folds(value: Any) -> int:
    n = args.as_int(value, "number of folds")
    if n < 2:
        raise BadRequestError(f"The number of folds must be at least 2, found {n}.")
    return n


@family("h2o.runif", "fr seed", "A column of uniform numbers from 0 to 1; seed -1 for a fresh one.")
def runif(env: Env, fr: Any, seed: Any) -> Frame:
    espc = args.as_frame(fr).espc
    return Frame("", ("rnd",), make_vecs(env.node, _uniforms, espc, seed=_seed(seed), stream=_UNIFORM))


@family("kfold_column", "fr nfolds seed", "A random fold for every row.")
def kfold(env: Env, fr: Any, nfolds: Any, seed: Any) -> Frame:
    espc = args.as_frame(fr).espc
    return Frame("", ("C1",), make_vecs(env.node, _folds, espc, seed=_seed(seed), stream=_FOLD, n=_n_folds(nfolds)))


@family("modulo_kfold_column", "fr nfolds", "Row number modulo the number of folds.")
def modulo_kfold(env: Env, fr: Any, nfolds: Any) -> Frame:
    return Frame("", ("C1",), make_vecs(env.node, _modulo, args.as_frame(fr).espc, n=_n_folds(nfolds)))


def _classes(env: Env, value: Any, who: str) -> Vec:
    vec = args.one_column(value, f"argument of {who}")
    whole = vec.type == "enum" or (vec.type == "numeric" and env.node.rollups(vec).is_int)
    if not whole:
        raise BadRequestError(f"{who} needs an enum column or whole numbers, found a {vec.type} column.")
    return vec


def _places_in_class(classes: NDArray[np.int64], seed: int, stream: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(place of every row in a random order of its class, size of that class)."""
    bits = random_bits(seed, stream, 0, len(classes)).view(np.int64)
    order = order_of([classes, bits], len(classes))
    _, first, counts = np.unique(classes[order], return_index=True, return_counts=True)
    place = np.empty(len(classes), dtype=np.int64)
    place[order] = np.arange(len(classes)) - np.repeat(first, counts)
    size = np.empty(len(classes), dtype=np.int64)
    size[order] = np.repeat(counts, counts)
    return place, size


@family("stratified_kfold_column", "col nfolds seed", "A random fold for every row; each class is spread evenly over the folds.")
def stratified_kfold(env: Env, col: Any, nfolds: Any, seed: Any) -> Frame:
    vec, n = _classes(env, col, "stratified_kfold_column"), _n_folds(nfolds)
    place, _ = _places_in_class(fetch_keys(env.node, vec), _seed(seed), _STRATIFIED_FOLD)
    return Frame("", ("C1",), (env.node.frames.vec_with_espc((place % n).astype(np.float64), vec.espc),))


@family("h2o.random_stratified_split", "col test_frac seed", "train or test for every row; each class is split in the same way.")
def stratified_split(env: Env, col: Any, test_frac: Any, seed: Any) -> Frame:
    vec, share = _classes(env, col, "h2o.random_stratified_split"), args.as_number(test_frac, "test fraction")
    if not 0 < share < 1:
        raise BadRequestError(f"The test fraction must be between 0 and 1, found {share:g}.")
    if env.node.rollups(vec).na_count:
        raise BadRequestError("A stratified split does not allow missing values; remove them first: (na.omit ...).")
    place, size = _places_in_class(fetch_keys(env.node, vec), _seed(seed), _STRATIFIED_SPLIT)
    test = place < np.maximum(np.floor(size * share + 0.5), 1)
    out = env.node.frames.vec_with_espc(test.astype(np.int32), vec.espc, "enum", ("train", "test"))
    return Frame("", ("test_train_split",), (out,))
