"""Generated client code and the OpenAPI document."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from h2ok.capabilities.bindings import openapi_document, python_source, r_source
from h2ok.capabilities.bindings.estimator import argument_name
from h2ok.capabilities.bindings.metadata import LocalMetadata, describe_algorithm
from h2ok.capabilities.cli import main
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.capabilities.testing.server import ServerProcess


def test_the_document_validates_and_holds_every_route() -> None:
    spec = pytest.importorskip("openapi_spec_validator")
    with local_runtime() as runtime:
        client = Client.of(runtime)
        document = openapi_document(LocalMetadata(client))
        routes = client.get("/3/Metadata/endpoints")["routes"]
    spec.validate(json.loads(json.dumps(document)))
    operations = sum(len(v) for v in document["paths"].values())
    assert operations == len([r for r in routes if r["http_method"] != "HEAD"])
    ids = [o["operationId"] for p in document["paths"].values() for o in p.values()]
    assert len(set(ids)) == len(ids)
    assert "H2OErrorV3" in document["components"]["schemas"]


def test_answers_fit_the_document() -> None:
    validator = pytest.importorskip("openapi_schema_validator").OAS31Validator
    referencing = pytest.importorskip("referencing")
    from referencing.jsonschema import DRAFT202012

    with local_runtime() as runtime:
        client = Client.of(runtime)
        document = json.loads(json.dumps(openapi_document(LocalMetadata(client))))
        runtime.node.frames.from_columns("f", {"x": __import__("numpy").arange(4.0)})
        answers = {p: client.get(p) for p in ("/3/Cloud", "/3/Ping", "/3/About", "/3/Jobs", "/3/Frames", "/3/Capabilities")}
    registry = referencing.Registry().with_resource("urn:d", referencing.Resource(document, DRAFT202012))
    for path, answer in answers.items():
        name = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        wrong = list(validator({"$ref": f"urn:d{name}"}, registry=registry).iter_errors(answer))
        assert not wrong, (path, [e.message[:200] for e in wrong[:3]])


@pytest.mark.parametrize("algo", ["gbm", "glm", "kmeans", "pca", "xgboost"])
def test_python_classes_carry_every_parameter_with_its_default(algo: str, tmp_path: Path) -> None:
    with local_runtime() as runtime:
        described = describe_algorithm(LocalMetadata(Client.of(runtime)), algo)
    source = python_source(described)
    tree = ast.parse(source)
    made = next(n for n in tree.body if isinstance(n, ast.ClassDef))
    init = next(n for n in made.body if isinstance(n, ast.FunctionDef))
    assert [a.arg for a in init.args.args[1:]] == [argument_name(p["name"]) for p in described["parameters"]]
    # The official client's own class of that algorithm makes the same parameters.
    (tmp_path / "made.py").write_text(source)
    code = f"import made, h2o.estimators as e; m = getattr(made, '{made.name}')(); print(sorted(m._parms))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout) == sorted(p["name"] for p in described["parameters"])


def test_the_class_made_at_run_time_checks_values() -> None:
    from h2o.exceptions import H2OTypeError
    from h2ok.capabilities.bindings import estimator_class

    with local_runtime() as runtime:
        described = describe_algorithm(LocalMetadata(Client.of(runtime)), "gbm")
    import h2o.estimators as estimators

    before = dict(estimators._estimator_cls_by_algo_)
    try:
        made = estimator_class(described)
        assert made(ntrees=3).ntrees == 3
        assert "ntrees" in str(__import__("inspect").signature(made))
        with pytest.raises(H2OTypeError):
            made(ntrees="three")
        with pytest.raises(TypeError, match="no parameter trees"):
            made(trees=3)
    finally:
        estimators._estimator_cls_by_algo_.update(before)


def test_r_functions_are_balanced_and_name_every_parameter() -> None:
    with local_runtime() as runtime:
        described = describe_algorithm(LocalMetadata(Client.of(runtime)), "gbm")
    source = r_source(described)
    for a, b in ("()", "{}"):
        assert source.count(a) == source.count(b)
    for p in described["parameters"]:
        assert p["name"] in source
    rscript = shutil.which("Rscript")
    if rscript:
        done = subprocess.run([rscript, "-e", f"parse(text={json.dumps(source)})"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_command_writes_files_and_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bindings", "python", "--out", str(tmp_path / "clients")]) == 0
    assert (tmp_path / "clients" / "gbm.py").is_file()
    assert main(["bindings", "r", "--algo", "glm", "--out", str(tmp_path / "glm.R")]) == 0
    assert "h2o.glm" in (tmp_path / "glm.R").read_text()
    assert main(["client", "python", "--algo", "nosuch"]) == 1
    assert "nosuch" in capsys.readouterr().err
    assert main(["client", "python", "--url", "http://127.0.0.1:9"]) == 1
    assert "Nobody answers" in capsys.readouterr().err
    assert main(["bindings", "openapi", "--algo", "gbm"]) == 1


def test_output_into_a_closed_pipe_ends_quietly() -> None:
    command = f"{sys.executable} -m h2ok.capabilities.cli bindings openapi | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    assert done.stdout.startswith("{")


#: Routes that end the server, wait on purpose, reach out of it, or stream without end.
_LEFT_OUT = (
    "/3/Shutdown",
    "/3/CloudLeave",
    "/3/Sleep",
    "/3/KillMinus3",
    "/3/Die",
    "/3/ImportFiles",
    "/3/ImportFilesMulti",
    "/3/NetworkTest",
    "/3/Profiler",
)

#: H2O answers 500 for an algorithm that is not there, and its clients know it.
_AS_H2O = ("/3/ModelBuilders/{algo}",)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_schemathesis_finds_no_answer_of_500(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    server = ServerProcess(tmp_path)
    try:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"]
        assert main(["bindings", "openapi", "--url", server.url, "--out", str(tmp_path / "openapi.json")]) == 0
        command[4] = str(tmp_path / "openapi.json")
        command += ["--url", server.url, "--checks", "not_a_server_error", "--max-examples", os.environ.get("H2OK_EXAMPLES", "10")]
        command += ["--phases", "fuzzing", "--seed", "1", "--suppress-health-check", "all"]
        for path in (*_LEFT_OUT, *_AS_H2O):
            command += ["--exclude-path", path]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=550, check=False)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    finally:
        server.stop()
