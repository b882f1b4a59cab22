"""Recovery: a grid search in a folder, with the frames it needs, so that it can go on when its cloud is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.models.storage import Saveable, backend_of, pack, read_file, saved, unpack, write_file
from h2ok.kernel import Frame, KeyNotFoundError
from h2ok.kernel.frame.file import read_frame, write_frame

if TYPE_CHECKING:
    from h2ok.capabilities import Runtime
    from h2ok.ext.models.parameters import Parameters

__all__ = ["Recovery", "load_references", "save_references"]

_MARKER = "recovery"


class Search(Saveable, Protocol):
    """A grid with the parameters all its models have."""

    @property
    def base(self) -> dict[str, Any]: ...


def save_references(runtime: Runtime, folder: str, grid: Search, parameters: type[Parameters]) -> None:
    """Save the frames that the parameters of a grid name, beside the grid.

    Raises
    ------
    KeyNotFoundError
        A frame is gone.
    """
    keys = [str(grid.base[p.wire_name]) for p in parameters.params() if p.type == "Key<Frame>" and grid.base.get(p.wire_name)]
    files: dict[str, str] = {}
    for key in dict.fromkeys(keys):
        frame = runtime.node.dkv.get(key)
        if not isinstance(frame, Frame):
            raise KeyNotFoundError(f"Frame '{key}' of grid '{grid.key}' is gone: its references cannot be saved.", key=key)
        files[key] = f"{grid.key}_frame_{len(files) + 1}"
        uri = f"{folder}/{files[key]}"
        with backend_of(runtime, uri).create(uri, overwrite=True) as out:
            write_frame(runtime.node, frame, out)
    content = pack({"kind": "references", "frames": files})
    write_file(runtime, f"{folder}/{grid.key}_references", content, force=True, function="exportGrid")


def load_references(runtime: Runtime, path: str) -> None:
    """Load the frames that were saved beside the grid of a file, replacing frames of the same keys.

    Raises
    ------
    BadRequestError
        The file says nothing of frames.
    """
    value = unpack(read_file(runtime, f"{path}_references", "importGrid"))
    files = value.get("frames") if isinstance(value, dict) and value.get("kind") == "references" else None
    if not isinstance(files, dict):
        raise BadRequestError(f"'{path}_references' names no frames. Save the grid with save_params_references.")
    folder = path.rpartition("/")[0]
    for key, name in files.items():
        uri = f"{folder}/{name}" if folder else str(name)
        with backend_of(runtime, uri).open(uri) as source, runtime.node.scopes.enter():
            read_frame(runtime.node, source, key)


class Recovery:
    """The folder of a search that is under way: its grid, its frames, and a marker until it ends."""

    def __init__(self, runtime: Runtime, folder: str) -> None:
        self._runtime, self.folder = runtime, folder.rstrip("/")
        self._marker = f"{self.folder}/{_MARKER}"

    def begin(self, grid: Search, parameters: type[Parameters]) -> None:
        """Save all that the search needs."""
        save_references(self._runtime, self.folder, grid, parameters)
        self.save(grid)
        self._write(self._marker, pack({"kind": "recovery", "grid": grid.key}))

    def save(self, grid: Search) -> None:
        """The grid with the models it has."""
        self._write(f"{self.folder}/{grid.key}", saved(self._runtime, grid))

    def end(self) -> None:
        """Nothing is left to recover; the grid stays."""
        backend_of(self._runtime, self._marker).delete(self._marker)

    def interrupted(self) -> str | None:
        """The file of the grid whose search did not end; None when all have."""
        if not backend_of(self._runtime, self._marker).exists(self._marker):
            return None
        value: Any = unpack(read_file(self._runtime, self._marker, "resume"))
        key = value.get("grid") if isinstance(value, dict) and value.get("kind") == "recovery" else None
        if not isinstance(key, str):
            raise BadRequestError(f"'{self._marker}' is no marker of an interrupted search.")
        return f"{self.folder}/{key}"

    def _write(self, path: str, data: bytes) -> None:
        write_file(self._runtime, path, data, force=True, function="recovery")
