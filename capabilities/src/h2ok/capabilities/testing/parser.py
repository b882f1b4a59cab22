"""ParserContract: what whoever imports files may rely on, whatever the format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from h2ok.capabilities.contracts.extension import Parser
from h2ok.capabilities.contracts.parser import ParseSetup
from h2ok.capabilities.testing.client import Client
from h2ok.capabilities.testing.contract import Contract
from h2ok.kernel import IllegalArgumentError

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["ParserContract"]

#: Bytes that no parser but the last one should take for its own.
_FOREIGN = (b"", b"\x00\x01\x02\xff" * 64, b"free text without any structure\nin two lines\n")


class ParserContract(Contract):
    """Inherit, name ``parser``, and give a file and what is in it.

    Attributes
    ----------
    parser : the format's name. file_name, sample : a whole file.
    columns : names and values of the frame it becomes: numbers, text (levels too), None for NA.
    types : ParseSetup types of the columns.
    foreign : contents the parser must not take for its own; takes_anything : whether it is the last one asked.
    broken : a damaged file, which must be refused in words. None when every text can be read.
    """

    parser: ClassVar[str]
    file_name: ClassVar[str] = "sample.dat"
    sample: ClassVar[bytes]
    columns: ClassVar[Mapping[str, Sequence[Any]]]
    types: ClassVar[Sequence[str]]
    foreign: ClassVar[Sequence[bytes]] = ()
    takes_anything: ClassVar[bool] = False
    broken: ClassVar[bytes | None] = None

    def instance(self, runtime: Runtime) -> Any:
        """The parser of a node."""
        return runtime.service(runtime.registry.load(self.provided(Parser, self.parser)))

    def write(self, folder: Path, data: bytes | None = None, name: str = "") -> str:
        """A file with the sample, or other data."""
        path = folder / (name or self.file_name)
        path.write_bytes(self.sample if data is None else data)
        return str(path)

    def load(self, client: Client, paths: Sequence[str], dest: str = "f.hex", **given: Any) -> Any:
        """Import and parse as clients do; the last state of the job."""
        keys = client.post("/3/ImportFilesMulti", paths=list(paths))["destination_frames"]
        setup = client.post("/3/ParseSetup", source_frames=keys, **given)
        form = {n: setup[n] for n in _ECHOED} | given
        return client.job(client.post("/3/Parse", source_frames=keys, destination_frame=dest, delete_on_done=False, **form))

    def values(self, runtime: Runtime, key: str = "f.hex") -> dict[str, list[Any]]:
        """Columns of a frame as plain values."""
        node = runtime.node
        frame = node.frames.get(key)
        return {name: plain_values(node, frame, j) for j, name in enumerate(frame.names)}

    def expect(self, found: Mapping[str, Sequence[Any]], times: int = 1) -> None:
        """Compare with ``columns``, repeated."""
        assert list(found) == list(self.columns)
        for name, values in self.columns.items():
            wanted = list(values) * times
            assert len(found[name]) == len(wanted), name
            for row, (got, want) in enumerate(zip(found[name], wanted, strict=True)):
                assert got == (pytest.approx(want) if isinstance(want, float) else want), f"{name}[{row}]"

    def test_it_recognises_its_own_and_nothing_else(self, runtime: Runtime) -> None:
        """``guess`` answers with a setup for its format; over foreign bytes with None or an exception, which counts as None."""
        parser = self.instance(runtime)
        setup = parser.guess(self.sample, ParseSetup(), self.file_name)
        assert setup is not None
        assert setup.parse_type.upper() == self.parser.upper()
        if not self.takes_anything:
            for other in (*_FOREIGN, *self.foreign):
                assert _guessed(parser, other) is None, other[:40]

    def test_guess_finds_it_and_the_frame_holds_what_is_in_the_file(self, runtime: Runtime, client: Client, tmp_path: Path) -> None:
        """Names, types and values; asked through H2O's GUESS."""
        path = self.write(tmp_path)
        keys = client.post("/3/ImportFilesMulti", paths=[path])["destination_frames"]
        setup = client.post("/3/ParseSetup", source_frames=keys)
        assert setup["parse_type"] == self.parser
        assert list(setup["column_types"]) == list(self.types)
        assert setup["number_columns"] == len(self.columns)
        assert self.load(client, [path])["status"] == "DONE"
        self.expect(self.values(runtime))

    def test_several_files_become_one_frame(self, runtime: Runtime, client: Client, tmp_path: Path) -> None:
        """One after the other, levels merged."""
        paths = [self.write(tmp_path, name=f"{i}_{self.file_name}") for i in range(3)]
        assert self.load(client, paths)["status"] == "DONE"
        self.expect(self.values(runtime), 3)

    def test_three_nodes_read_the_same(self, cloud3: list[Runtime], tmp_path: Path) -> None:
        """Whichever node reads a block."""
        paths = [self.write(tmp_path, name=f"{i}_{self.file_name}") for i in range(4)]
        assert self.load(Client.of(cloud3[0]), paths)["status"] == "DONE"
        self.expect(self.values(cloud3[1]), 4)

    def test_names_a_user_gives_are_kept(self, runtime: Runtime, client: Client, tmp_path: Path) -> None:
        """The setup a user sends back wins over what was guessed."""
        names = [f"col{i}" for i in range(len(self.columns))]
        assert self.load(client, [self.write(tmp_path)], column_names=names)["status"] == "DONE"
        assert list(runtime.node.frames.get("f.hex").names) == names

    def test_a_skipped_column_is_left_out_or_refused_at_once(self, runtime: Runtime, client: Client, tmp_path: Path) -> None:
        """What a format cannot do, its ``check`` says before a job begins."""
        keys = client.post("/3/ImportFilesMulti", paths=[self.write(tmp_path)])["destination_frames"]
        setup = client.post("/3/ParseSetup", source_frames=keys)
        form = {n: setup[n] for n in _ECHOED} | {"source_frames": keys, "destination_frame": "f.hex", "skipped_columns": [0]}
        answer = client.request("POST", "/3/Parse", params=form)
        if answer.status == 200:
            assert client.job(answer.json)["status"] == "DONE"
            assert list(runtime.node.frames.get("f.hex").names) == list(self.columns)[1:]
        else:
            assert answer.status == 412
            assert "skipped_columns" in answer.json["msg"]
            assert runtime.node.dkv.get("f.hex") is None

    def test_a_broken_file_fails_in_words_and_leaves_nothing(self, runtime: Runtime, client: Client, tmp_path: Path) -> None:
        """The frame does not exist, and no chunk of it."""
        if self.broken is None:
            pytest.skip("every file of this format can be read")
        path = self.write(tmp_path, self.broken)
        keys = client.post("/3/ImportFilesMulti", paths=[path])["destination_frames"]
        before = set(runtime.node.dkv.keys())
        form: dict[str, Any] = {"parse_type": self.parser, "column_names": list(self.columns), "column_types": list(self.types)}
        form |= {"number_columns": len(self.columns), "separator": 32, "check_header": 0, "single_quotes": False}
        answer = client.request("POST", "/3/Parse", params={**form, "source_frames": keys, "destination_frame": "f.hex"})
        if answer.status == 200:
            job = client.job(answer.json)
            assert job["status"] == "FAILED"
            assert job["exception"]
        else:
            assert answer.status < 500
        left = {k for k in runtime.node.dkv.keys() if k not in before and not k.startswith("$")}  # noqa: SIM118 - no dict
        assert not left


_ECHOED = ("parse_type", "separator", "single_quotes", "check_header", "number_columns", "column_names", "column_types")


def _guessed(parser: Any, sample: bytes) -> Any:
    """What the server makes of a parser's guess."""
    try:
        return parser.guess(sample, ParseSetup(), "other.dat")
    except IllegalArgumentError:
        raise
    except Exception:  # "not mine", as the choice among formats has it
        return None


def plain_values(node: Any, frame: Any, j: int) -> list[Any]:
    """A column as numbers, text and None."""
    from h2ok.kernel import Block

    vec = frame.vecs[j]
    out: list[Any] = []
    for i in range(frame.n_chunks):
        start, stop = int(frame.espc[i]), int(frame.espc[i + 1])
        block = Block(node, i, start, stop - start, frame.vecs, {})
        if vec.domain is not None or vec.type in ("string", "uuid"):
            out += block.strings(j)
        else:
            out += [None if v != v else float(v) for v in block.numbers(j).tolist()]  # noqa: PLR0124 - NaN
    return out
