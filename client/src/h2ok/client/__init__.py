"""Frames of an h2ok server to and from pandas, polars and Arrow, without the detour over CSV; models as MOJOs; a node to work with.

>>> from h2ok.client import Frames, init
>>> init()                                             # doctest: +SKIP
>>> frames = Frames("http://localhost:54321")          # doctest: +SKIP
>>> frames.from_pandas(table, "train")                 # doctest: +SKIP
>>> frames.to_polars("train")                          # doctest: +SKIP

``Frames`` also takes a connection of the ``h2o`` package; the functions below use its current one.
"""

from h2ok.client.mending import mend
from h2ok.client.models import download_mojo
from h2ok.client.server import TransferError
from h2ok.client.starting import NoServerError, init
from h2ok.client.transfer import (
    Frames,
    from_arrow,
    from_pandas,
    from_polars,
    to_arrow,
    to_pandas,
    to_polars,
)

__all__ = [
    "Frames",
    "NoServerError",
    "TransferError",
    "download_mojo",
    "from_arrow",
    "from_pandas",
    "from_polars",
    "init",
    "mend",
    "to_arrow",
    "to_pandas",
    "to_polars",
]
