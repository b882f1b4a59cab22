"""RouteContract: what clients may rely on, whoever serves a route."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from h2ok.capabilities.contracts.extension import Routes
from h2ok.capabilities.contracts.routes import Route
from h2ok.capabilities.contracts.schema import Schema
from h2ok.capabilities.registry import resolve
from h2ok.capabilities.testing.client import Client
from h2ok.capabilities.testing.contract import Contract

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["RouteContract"]


class RouteContract(Contract):
    """Inherit, and give requests with their status.

    Attributes
    ----------
    examples : (method, path, parameters, status, fields the answer must hold). ``prepare`` makes what they need.
    """

    examples: ClassVar[Sequence[tuple[str, str, Mapping[str, Any], int, Mapping[str, Any]]]] = ()

    def prepare(self, runtime: Runtime) -> None:
        """Store frames that the examples name."""

    def routes(self, runtime: Runtime) -> list[Route]:
        """All routes of the extension."""
        return [r for g in self.extension.provides if isinstance(g, Routes) for r in runtime.registry.load(g)]

    def test_every_route_is_served_and_described(self, runtime: Runtime, client: Client) -> None:
        """No clash, a summary, a version in the path, schemas that can be imported."""
        listed = {(r["http_method"], r["url_pattern"]) for r in client.get("/3/Metadata/endpoints")["routes"]}
        for route in self.routes(runtime):
            where = f"{route.method} {route.path}"
            assert (route.method, route.path) in listed, f"{where} is not served; see route_clashes of /3/Capabilities/Extensions"
            assert route.summary, f"{where} has no summary."
            assert callable(resolve(route.handler))
        report = client.get("/3/Capabilities/Extensions")
        assert not report["route_clashes"]
        assert not report["failed_routes"]

    def test_schemas_are_described(self, runtime: Runtime, client: Client) -> None:
        """Fields have help, and the parameters of a path are fields."""
        for route in self.routes(runtime):
            for target in (route.input, route.output):
                schema = resolve(target)
                if schema is None:
                    continue
                assert issubclass(schema, Schema)
                for f in schema.api_fields.values():
                    assert f.help, f"{schema.schema_name}.{f.wire_name} has no help."
                if schema.schema_name:
                    client.get(f"/3/Metadata/schemas/{schema.schema_name}")
            if route.input is not None and not route.lenient:
                known = {f.wire_name for f in resolve(route.input).api_fields.values()}
                missing = set(re.findall(r"\{(\w+)\}", route.path)) - known
                assert not missing, f"{route.method} {route.path}: {missing} of the path are no fields of its input"

    def test_examples(self, runtime: Runtime, client: Client) -> None:
        """Each is answered as it should be."""
        self.prepare(runtime)
        for method, path, params, status, fields in self.examples:
            answer = client.request(method, path, params=params)
            assert answer.status == status, f"{method} {path}: {answer.status}\n{answer.text[:500]}"
            if fields:
                body = answer.json
                assert {k: body[k] for k in fields} == dict(fields)

    def test_unknown_parameters_are_refused(self, runtime: Runtime, client: Client) -> None:
        """A misspelt parameter is told, not ignored."""
        self.prepare(runtime)
        for method, path, params, status, _ in self.examples:
            if status == 200 and self._is_strict(runtime, method, path):
                answer = client.request(method, path, params={**params, "no_such_parameter": 1})
                assert 400 <= answer.status < 500, f"{method} {path}: {answer.status}"

    def _is_strict(self, runtime: Runtime, method: str, path: str) -> bool:
        for r in self.routes(runtime):
            pattern = re.sub(r"\{\w+\}", "[^/]+", r.path)
            if r.method == method and re.fullmatch(pattern, path.split("?", maxsplit=1)[0]):
                return r.input is not None and not r.lenient
        return False
