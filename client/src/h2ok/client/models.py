"""Models of an h2ok server as files, for every version of the official client."""

from __future__ import annotations

import os
import re
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote

from h2ok.client.server import Server, TransferError, current_server

__all__ = ["download_mojo"]


def download_mojo(model: Any, path: str | os.PathLike[str] = ".", *, server: Any = None, **options: Any) -> str:
    """Write the MOJO of a model, which H2O's scoring library reads; the path of the file.

    Parameters
    ----------
    model : an H2O model, or its key.
    path : a file, or a folder in which MODEL.zip is made. A file of this name is replaced.
    server : URL of the server; None for the one the ``h2o`` package is connected to.
    options : ``user``, ``password``, ``timeout``, ``verify``, as of ``Frames``.

    Raises
    ------
    TransferError
        There is no such model, or its algorithm has no MOJO.
    """
    key = model if isinstance(model, str) else model.model_id
    target = Path(path)
    if target.is_dir():
        target /= re.sub(r'[\x00-\x1f"*/:<>?\\|]', "_", f"{key}.zip")
    where = Server(current_server() if server is None else server, **options)
    with where.answer("GET", f"/3/Models/{quote(key, safe='')}/mojo") as answer:
        try:
            data = answer.read()
        except (OSError, HTTPException) as e:
            raise TransferError(f"The MOJO of '{key}' did not arrive whole: {e}. Try again.") from e
    target.write_bytes(data)
    return str(target)
