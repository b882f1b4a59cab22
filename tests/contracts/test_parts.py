"""Our own parsers, storages, primitives, routes, core extensions and so on pass the checks that strangers' do."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities.contracts.extension import KINDS
from h2ok.capabilities.hosts import extension as hosts
from h2ok.capabilities.registry import Registry, resolve
from h2ok.capabilities.testing import (
    CommandContract,
    CoreContract,
    DiscoveryContract,
    ExporterContract,
    LauncherContract,
    ParserContract,
    PersistContract,
    PrimitiveContract,
    RouteContract,
    ServiceContract,
    StepsContract,
)
from h2ok.ext.algos.extension import extension as algos
from h2ok.ext.demo.extension import extension as demo
from h2ok.ext.frames.extension import extension as frames
from h2ok.ext.models.extension import extension as models
from h2ok.ext.parsers.extension import extension as parsers
from h2ok.ext.rapids.extension import extension as rapids
from h2ok.ext.rest.extension import extension as rest
from h2ok.ext.xgboost.extension import extension as xgboost

NA = float("nan")

# -- parsers ----------------------------------------------------------------------------------------------------------


class TestCSV(ParserContract):
    extension, parser = parsers, "CSV"
    file_name = "sample.csv"
    sample = b"name,height\nAnn,1.5\nBob,\nAnn,3\n"
    columns = {"name": ["Ann", "Bob", "Ann"], "height": [1.5, None, 3.0]}
    types = ("Enum", "Numeric")
    takes_anything = True


class TestARFF(ParserContract):
    extension, parser = parsers, "ARFF"
    file_name = "sample.arff"
    sample = b"@RELATION x\n@ATTRIBUTE a numeric\n@ATTRIBUTE b {u,v}\n@DATA\n1.5,u\n?,v\n"
    columns = {"a": [1.5, None], "b": ["u", "v"]}
    types = ("Numeric", "Enum")
    foreign = (b"a,b\n1,2\n",)


class TestSVMLight(ParserContract):
    extension, parser = parsers, "SVMLight"
    file_name = "sample.svm"
    sample = b"1 1:0.5 3:2\n-1 2:1\n1 1:1\n"
    columns = {"C1": [1.0, -1.0, 1.0], "C2": [0.5, 0.0, 1.0], "C3": [0.0, 1.0, 0.0], "C4": [2.0, 0.0, 0.0]}
    types = ("Numeric",) * 4
    foreign = (b"a,b\n1,2\n",)
    broken = b"1 1:0.5\n1 x:y\n"


# -- storage ----------------------------------------------------------------------------------------------------------


class TestFiles(PersistContract):
    extension, persist, base = parsers, "file", ""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> str:
        return str(tmp_path)


# -- expressions, routes, services, core extensions, commands -----------------------------------------------------------


class TestRapids(PrimitiveContract):
    extension = rapids
    frame = {"x": (1.0, 2.0, NA, 4.0), "y": (4.0, 3.0, 2.0, 1.0)}
    examples = {
        "(sumNA (cols fr 'x'))": 7.0,
        "(max fr)": NA,
        "(nrow fr)": 4,
        "(+ fr 1)": {"x": (2.0, 3.0, NA, 5.0), "y": (5.0, 4.0, 3.0, 2.0)},
        "(cumsum (cols fr 'y') 0)": {"C1": (4.0, 7.0, 9.0, 10.0)},
        "(colnames= (cols fr 'y') 0 'z')": {"z": (4.0, 3.0, 2.0, 1.0)},
    }


@pytest.mark.parametrize("made", [rest, parsers, rapids, frames, models, algos, xgboost], ids=lambda e: e.name)
class TestRoutes(RouteContract):
    @pytest.fixture(autouse=True)
    def _extension(self, made: Any) -> None:
        type(self).extension = made


class TestRapidsSessions(ServiceContract):
    extension, service = rapids, "rapids.sessions"


class TestRestCore(CoreContract):
    extension, core = rest, "REST"


class TestXGBoostCore(CoreContract):
    extension, core = xgboost, "XGBoost"


class TestAlgosCore(CoreContract):
    extension, core = algos, "Algos"


class TestDemo(CommandContract):
    extension, command = demo, "demo"


class TestXGBoostSteps(StepsContract):
    extension, steps = xgboost, "XGBoost"


# -- exports ------------------------------------------------------------------------------------------------------------


class TestCsvExport(ExporterContract):
    extension, exporter = rest, "csv"

    def read(self, data: bytes) -> Mapping[str, Sequence[Any]]:
        rows = list(csv.reader(io.StringIO(data.decode())))
        columns = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
        return {n: [_cell(v, n) for v in column] for n, column in columns.items()}


def _cell(text: str, name: str) -> Any:
    if not text:
        return None
    return float(text) if name in ("x", "whole") else text


class TestParquetExport(ExporterContract):
    extension, exporter = rest, "parquet"

    def files(self, path: Path) -> list[bytes]:
        return [p.read_bytes() for p in sorted(path.glob("part-m-?????"))]

    def read(self, data: bytes) -> Mapping[str, Sequence[Any]]:
        from pyarrow import parquet

        table: Mapping[str, Sequence[Any]] = parquet.read_table(io.BytesIO(data)).to_pydict()
        return table


# -- the cloud ----------------------------------------------------------------------------------------------------------


class TestFlatfile(DiscoveryContract):
    extension, discovery = hosts, "flatfile"
    refused = ("/nosuch/file", "")

    def cases(self, folder: Path) -> Mapping[str, Sequence[str]]:
        path = folder / "flatfile.txt"
        path.write_text("127.0.0.1:54321\n# a comment\n127.0.0.1:54323\n")
        return {str(path): ["127.0.0.1:54321", "127.0.0.1:54323"]}


class TestLocalLauncher(LauncherContract):
    extension, launcher = hosts, "local"


# -- all of them ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def installed() -> Registry:
    return Registry.discover()


def test_every_kind_has_a_contract_a_conformance_class_and_a_page() -> None:
    import h2ok.capabilities.testing as kits

    pages = Path(__file__).parents[2] / "docs" / "extending"
    for kind in KINDS.values():
        assert resolve(kind.contract) is not None
        assert getattr(kits, kind.conformance).__doc__
        assert (pages / f"{kind.page}.md").is_file(), kind.page


def test_every_installed_item_keeps_its_contract(installed: Registry) -> None:
    from h2ok.capabilities.checking import _item

    wrong = [f.text for e in installed.active() for p in e.provides for f in _item(p) if f.level == "error"]
    assert not wrong
