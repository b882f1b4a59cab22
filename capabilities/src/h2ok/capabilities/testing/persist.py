"""PersistContract: what readers and writers may rely on, whatever the storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from h2ok.capabilities.contracts.extension import Persist
from h2ok.capabilities.contracts.persist import Persist as PersistBase
from h2ok.capabilities.testing.client import Client
from h2ok.capabilities.testing.contract import Contract

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["PersistContract"]

_DATA = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(500))


class PersistContract(Contract):
    """Inherit, name ``persist`` and ``base``; override ``put`` and set ``writable`` for a storage that cannot be written.

    Attributes
    ----------
    persist : the backend's name. base : URI of an empty folder of its scheme, without a slash at the end.
    writable, listable : whether ``create``, ``delete`` and ``rename`` work; whether folders can be listed.
    """

    persist: ClassVar[str]
    base: ClassVar[str]
    writable: ClassVar[bool] = True
    listable: ClassVar[bool] = True

    @pytest.fixture
    def store(self, runtime: Runtime) -> PersistBase:
        """The backend of a node."""
        found: PersistBase = runtime.service(runtime.registry.load(self.provided(Persist, self.persist)))
        return found

    @pytest.fixture
    def folder(self) -> str:
        """URI of an empty folder; override it for storage that needs one made."""
        return self.base

    def put(self, store: PersistBase, uri: str, data: bytes) -> None:
        """Make an object; override it for read-only storage."""
        with store.create(uri, overwrite=True) as out:
            out.write(data)

    def test_what_was_written_is_read(self, store: PersistBase, folder: str) -> None:
        """Whole, in ranges, and as a stream; ranges are short at the end and empty beyond it."""
        uri = f"{folder}/data.csv"
        self.put(store, uri, _DATA)
        assert store.size(uri) == len(_DATA)
        assert store.read(uri) == _DATA
        assert store.read(uri, 4, 10) == _DATA[4:14]
        assert store.read(uri, 100) == _DATA[100:]
        assert store.read(uri, len(_DATA) - 3, 10) == _DATA[-3:]
        assert store.read(uri, len(_DATA) + 5, 10) == b""
        with store.open(uri) as stream:
            assert stream.read(7) + stream.read() == _DATA
        assert store.exists(uri)

    def test_what_is_not_there_is_told_so(self, store: PersistBase, folder: str) -> None:
        """FileNotFoundError, the error callers catch."""
        uri = f"{folder}/nothing.csv"
        for ask in (store.size, store.read, store.list):
            with pytest.raises(FileNotFoundError):
                ask(uri)
        with pytest.raises(FileNotFoundError):
            store.open(uri).read()
        assert not store.exists(uri)

    def test_an_object_lists_as_itself_and_a_folder_as_what_lies_in_it(self, store: PersistBase, folder: str) -> None:
        """Sorted by URI, with sizes."""
        for name in ("b.csv", "a.csv"):
            self.put(store, f"{folder}/{name}", _DATA)
        own = store.list(f"{folder}/a.csv")
        assert [(e.size, e.is_dir) for e in own] == [(len(_DATA), False)]
        assert own[0].uri.endswith("/a.csv")
        if self.listable:
            found = [e.uri for e in store.list(folder)]
            assert found == sorted(found)
            assert [u.rsplit("/", 1)[1] for u in found] == ["a.csv", "b.csv"]

    def test_objects_are_made_whole_and_not_overwritten_unasked(self, store: PersistBase, folder: str) -> None:
        """FileExistsError without ``overwrite``; nothing is stored when the writer fails."""
        uri = f"{folder}/made.csv"
        if not self.writable:
            with pytest.raises((OSError, ValueError)):
                store.create(uri)
            return
        self.put(store, uri, b"one")
        with pytest.raises(FileExistsError):
            store.create(uri)
        self.put(store, uri, b"two")
        assert store.read(uri) == b"two"
        with pytest.raises(RuntimeError, match="half"):
            _fail_half_way(store, f"{folder}/half.csv")
        assert not store.exists(f"{folder}/half.csv")

    def test_delete_and_rename(self, store: PersistBase, folder: str) -> None:
        """A missing object is no error for delete; rename replaces."""
        if not self.writable:
            pytest.skip("read-only storage")
        one, two = f"{folder}/one", f"{folder}/two"
        self.put(store, one, b"1")
        self.put(store, two, b"2")
        store.rename(one, two)
        assert store.read(two) == b"1"
        assert not store.exists(one)
        for _ in range(2):
            store.delete(two)
        assert not store.exists(two)

    def test_frames_are_imported_and_exported(self, runtime: Runtime, client: Client, store: PersistBase, folder: str) -> None:
        """Through the REST routes, as every client does."""
        uri = f"{folder}/in.csv"
        self.put(store, uri, _DATA)
        keys = client.post("/3/ImportFilesMulti", paths=[uri])["destination_frames"]
        assert keys
        setup = client.post("/3/ParseSetup", source_frames=keys)
        form = {n: setup[n] for n in ("parse_type", "separator", "check_header", "number_columns", "column_names", "column_types")}
        job = client.job(client.post("/3/Parse", source_frames=keys, destination_frame="f.hex", single_quotes=False, **form))
        assert job["status"] == "DONE", job.get("exception")
        frame = runtime.node.frames.get("f.hex")
        assert (frame.n_rows, frame.names) == (500, ("a", "b"))
        if self.writable:
            out: Any = f"{folder}/out.csv"
            job = client.job(client.post("/3/Frames/f.hex/export", path=out, force=True))
            assert job["status"] == "DONE", job.get("exception")
            assert store.read(out).count(b"\n") == 501


def _fail_half_way(store: PersistBase, uri: str) -> None:
    with store.create(uri) as out:
        out.write(b"half")
        raise RuntimeError("half")
