"""ExporterContract: what readers of exported files rely on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from h2ok.capabilities.contracts.extension import Exporter
from h2ok.capabilities.testing.client import Client
from h2ok.capabilities.testing.contract import Contract

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["ExporterContract"]


class ExporterContract(Contract):
    """Inherit, name ``exporter`` (the ``format``), and implement ``read``."""

    exporter: ClassVar[str]

    def read(self, data: bytes) -> Mapping[str, Sequence[Any]]:
        """Columns of a file by name: floats, text, None for NA."""
        raise TypeError(f"{type(self).__name__} defines no read(data).")

    def export(self, client: Client, path: Path, **more: Any) -> Any:
        """The last state of an export job."""
        return client.job(client.post("/3/Frames/fr/export", path=str(path), format=self.exporter, **more))

    def put(self, runtime: Runtime, n: int = 5) -> dict[str, list[Any]]:
        """Store the frame ``fr`` and give its columns: numbers with NA, whole numbers, levels with NA, text."""
        x = [0.5, None, -1e300, 0.1, 3.0][:n]
        whole = [1.0, 2.0, 3.0, 4.0, 5.0][:n]
        levels = ["a", "b", None, "a", "b"][:n]
        text = ["one", 'quo"te', None, "comma,", "ü"][:n]
        codes = np.array([-1 if v is None else "ab".index(v) for v in levels], dtype=np.int32)
        runtime.node.frames.from_columns(
            "fr",
            {"x": np.array([np.nan if v is None else v for v in x]), "whole": np.array(whole), "levels": codes, "text": text},
            domains={"levels": ("a", "b")},
            chunk_rows=2,
        )
        return {"x": x, "whole": whole, "levels": levels, "text": text}

    def files(self, path: Path) -> list[bytes]:
        """What was written: one file, or those of a folder in order."""
        found = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")) if path.is_dir() else [path]
        return [p.read_bytes() for p in found]

    def test_what_is_in_the_frame_is_in_the_file(self, runtime: Runtime, client: Client, tmp_path: Path) -> None:
        """Names, numbers to the last bit, text, NA."""
        wanted = self.put(runtime)
        job = self.export(client, tmp_path / "out")
        assert job["status"] == "DONE", job.get("exception")
        parts = [self.read(data) for data in self.files(tmp_path / "out")]
        found = {name: [v for p in parts for v in p[name]] for name in wanted}
        assert found == wanted
        assert list(parts[0]) == list(wanted)

    def test_an_existing_file_is_not_overwritten_unasked(self, runtime: Runtime, client: Client, tmp_path: Path) -> None:
        """``force`` says so."""
        self.put(runtime)
        self.export(client, tmp_path / "out")
        answer = client.request("POST", "/3/Frames/fr/export", params={"path": str(tmp_path / "out"), "format": self.exporter})
        assert answer.status >= 400 or client.job(answer.json)["status"] == "FAILED"
        assert self.export(client, tmp_path / "out", force=True)["status"] == "DONE"

    def test_unknown_compressions_are_refused_with_the_known_ones(self, runtime: Runtime, client: Client, tmp_path: Path) -> None:
        """Before anything is written."""
        self.put(runtime)
        known = runtime.registry.load(self.provided(Exporter, self.exporter)).compressions
        params = {"path": str(tmp_path / "out"), "format": self.exporter, "compression": "squeeze"}
        answer = client.request("POST", "/3/Frames/fr/export", params=params)
        assert 400 <= answer.status < 500
        assert all(name in answer.text for name in known)
        assert not (tmp_path / "out").exists()

    def test_compressed_files_are_not_larger_by_much(self, runtime: Runtime, client: Client, tmp_path: Path) -> None:
        """Every compression it names works."""
        known = runtime.registry.load(self.provided(Exporter, self.exporter)).compressions
        if not known:
            pytest.skip("the format knows no compression")
        self.put(runtime)
        for name in known:
            job = self.export(client, tmp_path / f"out_{name}", compression=name)
            assert job["status"] == "DONE", f"{name}: {job.get('exception')}"
