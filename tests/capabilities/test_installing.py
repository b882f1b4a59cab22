"""Hints on how to get what is missing name packages that exist, and none that is made of what somebody typed."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from h2ok.capabilities.catalog import ExtensionError
from h2ok.capabilities.installing import BUILT_IN, OPTIONAL, how_to_get, scheme_hint
from h2ok.capabilities.registry import GROUP, Registry

ROOT = Path(__file__).parents[2]


def test_optional_parts_are_installed_from_a_checkout() -> None:
    for name in ("xgboost", "persist_s3", "s3"):
        assert f'pip install ".[{OPTIONAL.get(name, name)}]"' in how_to_get(name, ())
    assert "pip install ." in how_to_get("rapids", ())


def test_typed_names_become_no_packages() -> None:
    registry = Registry()
    for name, said in (("nonsense", "none of h2ok's own"), ("xgbost", "Nearest: 'xgboost'"), ("rapid", "Nearest: 'rapids'")):
        with pytest.raises(ExtensionError) as e:
            registry.require(name)
        assert said in str(e.value)
        assert "pip" not in str(e.value)


def test_schemes_name_who_stores_them() -> None:
    assert 'pip install ".[s3]"' in scheme_hint("s3")
    assert "pip" not in scheme_hint("nosuch")


def test_the_names_are_those_of_this_checkout() -> None:
    found = set()
    for project in (*(ROOT / "extensions").glob("*/pyproject.toml"), ROOT / "capabilities" / "pyproject.toml"):
        found |= set(tomllib.loads(project.read_text())["project"].get("entry-points", {}).get(GROUP, {}))
    assert found | {"hosts"} == {*BUILT_IN, *OPTIONAL}
    build = (ROOT / "hatch_build.py").read_text()
    assert all(f'"{part}": [' in build for part in OPTIONAL.values())


def test_no_text_in_the_code_makes_a_package_of_a_value() -> None:
    for source in (p for top in ("kernel", "capabilities", "client", "extensions") for p in (ROOT / top).rglob("*.py")):
        text = source.read_text()
        if "pip install" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.JoinedStr):
                made = "".join(v.value if isinstance(v, ast.Constant) else "\0" for v in node.values)
                for command in re.findall(r"pip install (?:--upgrade )?(\S+)", made):
                    allowed = source.name == "installing.py" or "--upgrade" in made
                    assert allowed or "\0" not in command, f"{source.name}: {made}"


def test_the_documentation_names_only_this_checkout_and_packages_that_exist() -> None:
    """There is no release of h2ok on an index."""
    for page in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", *(ROOT / "examples").rglob("*.md")]:
        for command in re.findall(r"pip install ([^`\n]+)", page.read_text()):
            for word in command.replace('"', "").split():
                assert not re.match(r"h2ok[\[-]", word), f"{page.name}: pip install {command}"
