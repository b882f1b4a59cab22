"""Trial: train an algorithm once on the small frame its contract is checked with, as a user would, and say what went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from h2ok.capabilities.testing.samples import RESPONSES, put_sample, training_form

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime
    from h2ok.capabilities.testing.client import Client

__all__ = ["try_algorithm"]

#: Seconds that a training may take; its kernels may have to be compiled first.
_SECONDS = 120.0


def try_algorithm(runtime: Runtime, client: Client, algo: str) -> Iterator[tuple[Literal["ok", "warning", "error"], str]]:
    """What was found for each category the algorithm builds, trained with its defaults and scored.

    A refused request is a warning: some algorithms have parameters that a user must give, which their own tests know.
    """
    frame = "h2ok_check_sample"
    described: dict[str, Any] = client.get(f"/3/ModelBuilders/{algo}")["model_builders"][algo]
    put_sample(runtime.node, frame)
    for category in described["can_build"]:
        model = f"h2ok_check_{algo}_{category}"
        form = training_form(described, category, model, frame)
        answer = client.send(f"/3/ModelBuilders/{algo}", form)
        if answer.status != 200:
            said = " ".join(str(answer.json.get("msg", "")).replace("ERROR MESSAGE:", "").split())
            yield "warning", f"it was not trained as {category}, for its defaults are refused: {said} Run its own tests."
            continue
        fault = _fault(client, "training", answer.json)
        if not fault and category in RESPONSES:
            fault = _fault(client, "scoring", client.post(f"/4/Predictions/models/{model}/frames/{frame}"))
        yield ("error", f"{fault} ({category})") if fault else ("ok", f"trains on a small frame as {category}, with its defaults")


def _fault(client: Client, what: str, answer: Mapping[str, Any]) -> str:
    try:
        job = client.job(answer, timeout=_SECONDS)
    except AssertionError:
        return f"{what} on a small frame had not ended after {_SECONDS:g} s; seconds were expected"
    told = str(job.get("exception") or "").strip()
    return "" if job["status"] == "DONE" else f"{what} on a small frame ended {job['status']}: {told}"
