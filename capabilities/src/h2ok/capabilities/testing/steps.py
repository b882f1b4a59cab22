"""StepsContract: what AutoML relies on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from h2ok.capabilities.contracts.extension import ModelingSteps
from h2ok.capabilities.contracts.steps import ModelingStep
from h2ok.capabilities.testing.client import Client
from h2ok.capabilities.testing.contract import Contract

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["StepsContract"]


class StepsContract(Contract):
    """Inherit, and name ``steps``."""

    steps: ClassVar[str]

    def made(self, runtime: Runtime) -> list[ModelingStep]:
        """The steps."""
        return list(runtime.registry.load(self.provided(ModelingSteps, self.steps)))

    def test_ids_are_unique_and_weights_positive(self, runtime: Runtime) -> None:
        """So that a modeling plan can name them."""
        steps = self.made(runtime)
        assert steps
        assert len({s.id for s in steps}) == len(steps)
        assert all(s.weight > 0 and s.group > 0 for s in steps)

    def test_the_algorithms_know_the_parameters(self, runtime: Runtime, client: Client) -> None:
        """Values are accepted, lists are of gridable parameters."""
        for step in self.made(runtime):
            described = client.get(f"/3/ModelBuilders/{step.algo}")["model_builders"][step.algo]
            by_name = {p["name"]: p for p in described["parameters"]}
            assert set(step.parameters) <= set(by_name), f"{step.id}: {set(step.parameters) - set(by_name)} unknown"
            for name, values in step.hyper_parameters.items():
                assert by_name[name]["gridable"], f"{step.id}: '{name}' is not gridable"
                assert values
            assert set(step.categories) <= set(described["can_build"])
            first = {n: v[0] for n, v in step.hyper_parameters.items()}
            answer = client.post(f"/3/ModelBuilders/{step.algo}/parameters", **step.parameters, **first)
            wrong = [m for m in answer["messages"] if m["message_type"] == "ERRR" and m["field_name"] in {*step.parameters, *first}]
            assert not wrong
