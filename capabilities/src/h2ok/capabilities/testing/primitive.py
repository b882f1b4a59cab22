"""PrimitiveContract: what expressions may rely on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from h2ok.capabilities.contracts.extension import Primitives
from h2ok.capabilities.contracts.primitive import Primitive
from h2ok.capabilities.testing.client import Client
from h2ok.capabilities.testing.contract import Contract

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["PrimitiveContract"]


class PrimitiveContract(Contract):
    """Inherit, and give a frame and expressions with their values.

    Attributes
    ----------
    frame : columns of the frame ``fr``: numbers, NaN for NA.
    examples : expression -> value: a number, a text, a list, or for a frame its columns by name. A frame is fetched under ``out``.
    """

    frame: ClassVar[Mapping[str, Sequence[float]]] = {"x": (1.0, 2.0, float("nan"), 4.0)}
    examples: ClassVar[Mapping[str, Any]] = {}

    def declared(self, runtime: Runtime) -> list[Primitive]:
        """All primitives of the extension."""
        return [p for g in self.extension.provides if isinstance(g, Primitives) for p in runtime.registry.load(g)]

    def put(self, runtime: Runtime, chunk_rows: int = 2) -> None:
        """Store ``fr``."""
        columns = {n: np.array(v, dtype=np.float64) for n, v in self.frame.items()}
        runtime.node.frames.from_columns("fr", columns, chunk_rows=chunk_rows)

    def value(self, runtime: Runtime, ast: str) -> Any:
        """The value of an expression."""
        client = Client.of(runtime)
        answer = client.post("/99/Rapids", ast=ast, session_id="contract")
        if "num_cols" not in answer:
            return answer["scalar"] if "scalar" in answer else answer["string"]
        if answer["key"]["name"] is None:
            answer = client.post("/99/Rapids", ast=f"(assign out {ast})", session_id="contract")
        frame = runtime.node.frames.get(answer["key"]["name"])
        table = frame.to_numpy(runtime.node)
        return {name: table[:, j] for j, name in enumerate(frame.names)}

    def expect(self, runtime: Runtime, ast: str) -> None:
        """Compare an example with what comes out."""
        found, wanted = self.value(runtime, ast), self.examples[ast]
        if isinstance(wanted, Mapping):
            assert list(found) == list(wanted)
            for name, values in wanted.items():
                np.testing.assert_allclose(found[name], np.array(values, dtype=np.float64), rtol=1e-9, atol=1e-12)
        elif isinstance(wanted, str) or (isinstance(wanted, list) and any(isinstance(v, str) for v in wanted)):
            assert found == wanted
        else:
            np.testing.assert_allclose(np.array(found, dtype=np.float64), np.array(wanted, dtype=np.float64), rtol=1e-9)

    def test_declared_names_are_defined_and_described(self, runtime: Runtime) -> None:
        """Names are listed so that nothing is imported to know them; both lists must agree."""
        for group in (g for g in self.extension.provides if isinstance(g, Primitives)):
            defined = [p.name for p in runtime.registry.load(group)]
            assert sorted(defined) == sorted(group.names)
        for p in self.declared(runtime):
            assert p.help, f"Primitive '{p.name}' has no help."
        listed = {e["name"] for e in Client.of(runtime).get("/99/Rapids/help")["expressions"]}
        assert {p.name for p in self.declared(runtime)} <= listed

    def test_examples(self, runtime: Runtime) -> None:
        """Each gives its value, whatever the chunks."""
        assert self.examples, "Give examples: expression -> value."
        for rows in (1, 3, 100):
            self.put(runtime, rows)
            for ast in self.examples:
                self.expect(runtime, ast)

    def test_examples_on_three_nodes(self, cloud3: list[Runtime]) -> None:
        """Wherever the chunks live."""
        self.put(cloud3[0], 1)
        for ast in self.examples:
            self.expect(cloud3[0], ast)

    def test_a_wrong_number_of_arguments_is_refused(self, runtime: Runtime) -> None:
        """With the number that was expected, not with a Python error."""
        client = Client.of(runtime)
        for p in self.declared(runtime):
            most = p.arity if isinstance(p.arity, int) else p.arity[1]
            if most is None:
                continue
            ast = f"({p.name} {' '.join(['1'] * (most + 1))})"
            answer = client.request("POST", "/99/Rapids", params={"ast": ast})
            assert 400 <= answer.status < 500, f"{ast}: {answer.status}"
