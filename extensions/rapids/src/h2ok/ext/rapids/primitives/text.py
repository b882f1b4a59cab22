"""Term statistics of documents."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import fold, foldable
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.kernel import Block, Frame

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives


def _add_counts(a: dict[Any, int], b: dict[Any, int]) -> dict[Any, int]:
    for k, v in b.items():
        a[k] = a.get(k, 0) + v
    return a


def _merge(a: Any, b: Any) -> Any:
    return [_pack(_add_counts(_unpack(p), _unpack(q))) for p, q in zip(a, b, strict=True)]


def _pack(counts: dict[Any, int]) -> list[Any]:
    return [list(counts), list(counts.values())]


def _unpack(packed: list[Any]) -> dict[Any, int]:
    return dict(zip(packed[0], packed[1], strict=True))


@foldable(_merge)
def _term_counts(block: Block, params: dict[str, Any]) -> Any:
    """Occurrences of each (document, word) and rows of each document, as lists of keys and counts."""
    terms: dict[tuple[float, str], int] = {}
    documents: dict[float, int] = {}
    for doc, written in zip(block.numbers(0).tolist(), block.strings(1), strict=True):
        if written is None or math.isnan(doc):
            continue
        documents[doc] = documents.get(doc, 0) + 1
        text = written if params["case"] else written.lower()
        for word in text.split() if params["split"] else [text]:
            terms[doc, word] = terms.get((doc, word), 0) + 1
    return [_pack(terms), _pack(documents)]


@family(
    "tf-idf", "fr doc_idx text_idx preprocess case_sensitive", "How often words stand in documents, weighted by how rare they are."
)
def tf_idf(env: Env, fr: Any, doc_idx: Any, text_idx: Any, preprocess: Any, case_sensitive: Any) -> Frame:
    frame = args.as_frame(fr, "first argument of tf-idf")
    d, t = args.column(frame, doc_idx, "document column"), args.column(frame, text_idx, "text column")
    doc, text = frame.vecs[d], frame.vecs[t]
    if doc.type not in ("numeric", "bad") or text.type not in ("string", "enum"):
        raise BadRequestError(f"tf-idf needs a numeric document column and a string text column, found {doc.type} and {text.type}.")
    split, case = args.as_bool(preprocess, "preprocess flag"), args.as_bool(case_sensitive, "case flag")
    terms, documents = map(_unpack, fold(env.node, _term_counts, [doc, text], split=split, case=case))
    in_documents: dict[str, int] = {}
    for _, word in terms:
        in_documents[word] = in_documents.get(word, 0) + 1
    # H2O: with whole texts every row counts as a document, even one without a text.
    total = frame.n_rows if split else len(documents)
    rows = sorted(terms, key=lambda k: (k[1], k[0]))
    tf = np.array([float(terms[k]) for k in rows])
    idf = np.array([math.log((total + 1) / (in_documents[k[1]] + 1)) for k in rows])
    make = env.node.frames.vec_of
    columns = (make(np.array([k[0] for k in rows])), make([k[1] for k in rows], "string"), make(tf), make(idf), make(tf * idf))
    return Frame("", ("DocID", "Word", "TF", "IDF", "TF-IDF"), columns)
