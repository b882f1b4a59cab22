"""Frames over HTTP as Arrow IPC streams."""

from __future__ import annotations

import json
import uuid
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from h2ok.client.server import Server, current_server

__all__ = ["Frames", "from_arrow", "from_pandas", "from_polars", "to_arrow", "to_pandas", "to_polars"]

_MEDIA_TYPE = "application/vnd.apache.arrow.stream"
#: Rows of the batches that are sent.
_BATCH_ROWS = 65536


class Frames:
    """Frames of one server.

    Parameters
    ----------
    server : URL of the server, or a connection of the ``h2o`` package.
    user, password : for servers with basic authentication.
    compression : of the data on the wire: none (best on one machine), lz4, or zstd (best over slow lines).
    timeout : seconds without any data after which a transfer fails.
    verify : whether the certificate of an https server is checked.
    """

    def __init__(
        self,
        server: Any,
        *,
        user: str | None = None,
        password: str | None = None,
        compression: str = "none",
        timeout: float = 600.0,
        verify: bool = True,
    ) -> None:
        self._server = Server(server, user=user, password=password, timeout=timeout, verify=verify)
        self._compression = compression

    # -- from the server ------------------------------------------------------------------------------------------------

    def to_arrow(self, frame: Any) -> Any:
        """A ``pyarrow.Table`` of a frame (its key, or an H2OFrame)."""
        import pyarrow as pa

        path = f"{_path(frame)}?compression={quote(self._compression)}"
        with self._server.answer("GET", path) as answer, pa.ipc.open_stream(pa.PythonFile(answer, "r")) as reader:
            return reader.read_all()

    def to_pandas(self, frame: Any, **options: Any) -> Any:
        """A ``pandas.DataFrame``; ``options`` go to ``pyarrow.Table.to_pandas``. Enums become categoricals."""
        return self.to_arrow(frame).to_pandas(**options)

    def to_polars(self, frame: Any) -> Any:
        """A ``polars.DataFrame``."""
        import polars as pl

        return pl.from_arrow(self.to_arrow(frame))

    # -- to the server --------------------------------------------------------------------------------------------------

    def from_arrow(self, table: Any, key: str | None = None) -> str:
        """Store a ``pyarrow.Table`` (or record batches) as a frame; its key."""
        import pyarrow as pa

        table = table if isinstance(table, pa.Table) else pa.Table.from_batches(table)
        key = key or f"arrow_{uuid.uuid4().hex}"
        with self._server.answer("POST", _path(key), _pieces(pa, table, self._compression), _MEDIA_TYPE) as answer:
            told = json.load(answer)
        for warning in told.get("warnings") or ():
            warnings.warn(warning, stacklevel=3)
        return str(told["frame_id"]["name"])

    def from_pandas(self, table: Any, key: str | None = None) -> str:
        """Store a ``pandas.DataFrame`` as a frame; its key. The index is left out; text columns with few texts become enums."""
        import pyarrow as pa

        return self.from_arrow(_with_enums(pa, pa.Table.from_pandas(table, preserve_index=False)), key)

    def from_polars(self, table: Any, key: str | None = None) -> str:
        """Store a ``polars.DataFrame`` as a frame; its key. Text columns with few texts become enums."""
        import pyarrow as pa

        return self.from_arrow(_with_enums(pa, table.to_arrow()), key)


def _path(frame: Any) -> str:
    key = frame if isinstance(frame, str) else frame.frame_id
    return f"/3/Frames/{quote(key, safe='')}/arrow"


def _pieces(pa: Any, table: Any, compression: str) -> Iterator[bytes]:
    """The IPC stream of a table, piece by piece."""
    parts: list[bytes] = []

    class Sink:
        closed = False

        def write(self, data: Any) -> int:
            parts.append(bytes(data))
            return len(parts[-1])

        def flush(self) -> None:
            """Nothing waits here."""

        def close(self) -> None:
            """Nothing to close."""

    options = pa.ipc.IpcWriteOptions(compression=None if compression == "none" else compression, unify_dictionaries=True)
    with pa.ipc.new_stream(pa.PythonFile(Sink(), "w"), table.schema, options=options) as writer:
        for batch in table.unify_dictionaries().to_batches(max_chunksize=_BATCH_ROWS):
            writer.write_batch(batch)
            yield b"".join(parts)
            parts.clear()
    yield b"".join(parts)


def _with_enums(pa: Any, table: Any) -> Any:
    """Text columns whose texts repeat as dictionaries with sorted levels: the server makes enums of them."""
    import pyarrow.compute as pc

    for j, field in enumerate(table.schema):
        kind = field.type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
            continue
        column = table.column(j).cast(pa.large_string())
        known = len(column) - column.null_count
        levels = pc.unique(column).drop_null()
        if known and len(levels) < 0.95 * known:
            levels = levels.take(pc.sort_indices(levels)).cast(pa.string())
            codes = pc.index_in(column.cast(pa.string()).combine_chunks(), value_set=levels)
            table = table.set_column(j, field.name, pa.DictionaryArray.from_arrays(codes, levels))
    return table


def _current() -> Frames:
    """The server the ``h2o`` package is connected to."""
    return Frames(current_server())


def _askable(key: str | None) -> str | None:
    """The key, unless ``h2o.get_frame``, which does not quote it, would ask for another one."""
    if key and ("?" in key or "#" in key):
        raise ValueError(f"The h2o package cannot ask for the frame {key!r}: it does not quote ? and #. Give a key without them.")
    return key


def to_arrow(frame: Any) -> Any:
    """A ``pyarrow.Table`` of a frame of the server the ``h2o`` package is connected to."""
    return _current().to_arrow(frame)


def to_pandas(frame: Any, **options: Any) -> Any:
    """A ``pandas.DataFrame`` of a frame; see ``Frames.to_pandas``."""
    return _current().to_pandas(frame, **options)


def to_polars(frame: Any) -> Any:
    """A ``polars.DataFrame`` of a frame."""
    return _current().to_polars(frame)


def from_arrow(table: Any, key: str | None = None) -> Any:
    """An H2OFrame of a ``pyarrow.Table``."""
    import h2o

    key = _askable(key)
    return h2o.get_frame(_current().from_arrow(table, key))


def from_pandas(table: Any, key: str | None = None) -> Any:
    """An H2OFrame of a ``pandas.DataFrame``; see ``Frames.from_pandas``."""
    import h2o

    key = _askable(key)
    return h2o.get_frame(_current().from_pandas(table, key))


def from_polars(table: Any, key: str | None = None) -> Any:
    """An H2OFrame of a ``polars.DataFrame``; see ``Frames.from_polars``."""
    import h2o

    key = _askable(key)
    return h2o.get_frame(_current().from_polars(table, key))
