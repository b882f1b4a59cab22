"""KubernetesDiscovery: asks DNS for the pods behind a headless service, once a second, until there are enough."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace

from h2ok.capabilities.contracts.discovery import Discovery
from h2ok.ext.kubernetes.resolvers import Resolver, pod_resolver
from h2ok.ext.kubernetes.settings import PodSettings
from h2ok.kernel import H2OKError, IllegalArgumentError

__all__ = ["KubernetesDiscovery", "find_pods"]

_log = logging.getLogger("h2ok.kubernetes")
#: Seconds between two questions.
_PAUSE = 1.0


def find_pods(
    settings: PodSettings,
    resolver: Resolver = pod_resolver,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Addresses of the pods, sorted: as soon as there are ``count``, or all that were seen when the time is over.

    Raises
    ------
    H2OKError
        Not one address was found in time.
    """
    began, found, problem = clock(), set[str](), ""
    while True:
        try:
            seen = set(resolver(settings.service)) - found
        except OSError as e:  # before the first pod is ready the name does not exist
            problem, seen = str(e), set()
        for address in sorted(seen):
            _log.info("Found pod %s behind '%s'.", address, settings.service)
        found |= seen
        spent = clock() - began
        if settings.count is not None and len(found) >= settings.count:
            return sorted(found)
        if settings.seconds is not None and spent >= settings.seconds:
            break
        sleep(_PAUSE)
    if found:
        return sorted(found)
    raise H2OKError(
        f"DNS knew no pod behind '{settings.service}' within {spent:.0f} s{f' ({problem})' if problem else ''}. Make a headless "
        "service (clusterIP: None) whose selector matches the pods, and name it in H2O_KUBERNETES_SERVICE_DNS."
    )


class KubernetesDiscovery(Discovery):
    """``--discovery kubernetes[:NAME]``; the name is that of H2O_KUBERNETES_SERVICE_DNS unless given. Taken by itself in a pod."""

    resolver: Resolver = staticmethod(pod_resolver)

    def resolve(self) -> list[str]:
        """The pods, with the REST port of this node (``--port`` or H2OK_PORT must be the same in all)."""
        name, port = self.argument, os.environ.get("H2OK_PORT", "") or "54321"
        if name.rpartition(":")[2].isdigit():
            name, _, port = name.rpartition(":")
        settings = PodSettings.of(os.environ)
        settings = replace(settings, service=name or settings.service)
        if not settings.service:
            raise IllegalArgumentError(
                "--discovery kubernetes needs the DNS name of a headless service: set H2O_KUBERNETES_SERVICE_DNS, or give "
                "kubernetes:NAME.",
                argument="discovery",
            )
        return [f"[{a}]:{port}" if ":" in a else f"{a}:{port}" for a in find_pods(settings, type(self).resolver)]
