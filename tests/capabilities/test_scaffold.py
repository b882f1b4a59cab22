"""What `h2ok ext new` makes passes its own tests and `h2ok ext check` at once."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
import typing
from pathlib import Path

import pytest
from h2ok.capabilities.checking import find_extension
from h2ok.capabilities.cli import main
from h2ok.capabilities.scaffold import KINDS
from packaging.requirements import Requirement


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_passes_its_own_tests_and_the_check(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    assert main(["ext", "new", kind, "brandnew", "--to", str(folder)]) == 0
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    check = subprocess.run(
        [sys.executable, "-m", "h2ok.capabilities.cli", "ext", "check", str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert check.returncode == 0, check.stdout + check.stderr
    assert "No errors." in check.stdout
    assert "warning" not in check.stdout


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("algo", "gbm", "'algos' (h2ok-algos 0.1.0) has the algorithm"),
        ("algo", "rapids", "has its name"),
        ("parser", "csv", "has the parser"),
        ("persist", "https", "has the URI scheme"),
        ("primitive", "cumsum", "has the primitive"),
        ("core", "kubernetes", "has the core"),
    ],
)
def test_names_that_are_taken_are_refused(
    kind: str, name: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ext", "new", kind, name, "--to", str(tmp_path / "x")]) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_what_the_tests_need_is_declared_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ext", "new", "algo", "brandnew", "--to", str(tmp_path / "made")]) == 0
    assert 'pip install -e ".[test]" && python -m pytest' in capsys.readouterr().out
    project = tomllib.loads((tmp_path / "made" / "pyproject.toml").read_text())["project"]
    assert any(d.startswith("pytest") for d in project["optional-dependencies"]["test"])


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_package_needs_is_installed_where_h2ok_is(kind: str, tmp_path: Path) -> None:
    """Else pip would look for it on an index, which has no h2ok."""
    assert main(["ext", "new", kind, "brandnew", "--to", str(tmp_path / "made")]) == 0
    project = tomllib.loads((tmp_path / "made" / "pyproject.toml").read_text())["project"]
    for text in (*project["dependencies"], *project["optional-dependencies"]["test"]):
        need = Requirement(text)
        assert need.specifier.contains(importlib.metadata.version(need.name)), text


def test_the_page_names_the_command() -> None:
    page = Path(__file__).parents[2] / "docs" / "extending" / "algorithm.md"
    assert 'pip install -e "./h2ok-ridge[test]"' in page.read_text()


def test_an_author_is_told_the_types_of_what_is_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from h2ok.ext.models import FitFrame, TrainContext

    assert main(["ext", "new", "algo", "brandnew", "--to", str(tmp_path / "made")]) == 0
    monkeypatch.syspath_prepend(tmp_path / "made" / "src")
    fit = importlib.import_module("h2ok_brandnew.brandnew").Brandnew.fit
    hints = typing.get_type_hints(fit)
    assert (hints["ctx"], hints["frame"]) == (TrainContext, FitFrame)
    page = (Path(__file__).parents[2] / "docs" / "extending" / "algorithm.md").read_text()
    for name in [*(n for n in dir(FitFrame) if not n.startswith("_")), "names", "category", "n_classes", "levels", "data", "info"]:
        assert re.search(rf"^  \| .*`{name}[`(]", page, re.MULTILINE), name


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (
            "raises",
            "found: NDArray",
            "raise KeyError('lost')\n        found: NDArray",
            "predict of algorithm 'raises' failed: KeyError",
        ),
        ("shape", 'state["mean"] + x @ state["beta"]', "x * 0.5", "returned an array of shape [60, 6]"),
        ("misspelt", "params.penalty", "params.penality", "fit of algorithm 'misspelt' failed: AttributeError"),
    ],
)
def test_the_check_finds_what_only_training_shows(
    name: str, old: str, new: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["ext", "new", "algo", name, "--to", str(tmp_path / "made")]) == 0
    source = tmp_path / "made" / "src" / f"h2ok_{name}" / f"{name}.py"
    source.write_text(source.read_text().replace(old, new))
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert main(["ext", "check", str(tmp_path / "made")]) == 1
    said = capsys.readouterr().out
    assert "training on a small frame ended FAILED" in said
    assert words in said


def test_the_check_warns_of_defaults_that_are_refused() -> None:
    from h2ok.capabilities.testing import Client, local_runtime
    from h2ok.capabilities.trial import try_algorithm

    with local_runtime() as runtime:
        ((level, text),) = try_algorithm(runtime, Client.of(runtime), "isotonicregression")
    assert level == "warning"
    assert "Run its own tests." in text


@pytest.mark.parametrize("name", ["Big", "9lives", "class", "a-b", ""])
def test_names_that_are_no_modules_are_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ext", "new", "algo", name, "--to", str(tmp_path / "x")]) == 1
    assert "name of a module" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    assert main(["ext", "new", "algo", "nice", "--to", str(tmp_path)]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["precious.txt"]


PROJECT = """
[project]
name = "h2ok-odd"
version = "3.0"
[project.entry-points."h2ok.extensions"]
odd = "odd_extension:extension"
"""
HEAD = "from h2ok.capabilities.contracts.extension import *\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("extension = Extension('odd', (Algo('odd', 'odd_extension:Odd'),))", "has no attribute 'Odd'"),
        ("class Odd:\n    algo = 'even'\nextension = Extension('odd', (Algo('odd', 'odd_extension:Odd'),))", "Both must be equal"),
        ("class Odd: pass\nextension = Extension('odd', (Parser('odd', 'odd_extension:Odd'),))", "does not inherit"),
        ("ODD = [1]\nextension = Extension('odd', (Routes('odd', 'odd_extension:ODD'),))", "a Route was expected"),
        ("ODD = []\nextension = Extension('odd', (Primitives('odd_extension:ODD', ('odd',)),))", "differ"),
        ("class Odd: pass\nextension = Extension('odd', (CoreExtension('odd', 'odd_extension:Odd'),))", "implements no hook"),
        ("class Odd: pass\nextension = Extension('odd', (Command('odd', 'odd_extension:Odd'),))", "lacks configure, run"),
        ("extension = Extension('odd', requires=('nowhere',))", "needs nowhere"),
        ("extension = Extension('odd', api='<1')", "does not take in the API"),
        ("import pandas\nextension = Extension('odd')", "imports"),
        ("raise OSError('no disk')", "no disk"),
    ],
)
def test_the_check_says_what_is_wrong(
    source: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "odd_extension.py").write_text(HEAD + source + "\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "odd_extension", raising=False)
    status = main(["ext", "check", str(tmp_path)])
    out = capsys.readouterr().out
    sys.modules.pop("odd_extension", None)
    assert words in out
    assert "h2ok-odd 3.0" in out
    assert status == (0 if "warning" in out and "error   " not in out else 1)


@pytest.mark.parametrize("name", ["rest", "parsers", "rapids", "models", "algos", "xgboost", "hosts"])
def test_our_own_extensions_pass_the_check(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ext", "check", name]) == 0, capsys.readouterr().out


def test_the_name_of_an_extension_counts_beside_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    assert [x.name for x in find_extension("models")] == ["models"]


def test_the_check_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ext", "check", "nosuch"]) == 1
    assert main(["ext", "check", str(tmp_path)]) == 1
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert main(["ext", "check", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert "not installed" in err
    assert "no pyproject.toml" in err
    assert "declares no extension" in err
