"""KubernetesCore: in a pod (H2O_KUBERNETES_SERVICE_DNS is set) takes the discovery by DNS and answers the leader probe."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from h2ok.capabilities.hookspecs import hookimpl
from h2ok.ext.kubernetes.probe import LeaderProbe
from h2ok.ext.kubernetes.settings import PodSettings

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["KubernetesCore"]


class KubernetesCore:
    """Life cycle of a pod's node; does nothing elsewhere."""

    def __init__(self) -> None:
        self.probe: LeaderProbe | None = None

    @hookimpl
    def validate_arguments(self, args: argparse.Namespace) -> None:
        """Open the probe before anyone looks for pods, and look for them through DNS unless something else was asked for."""
        settings = PodSettings.of(os.environ)
        if not settings.service:
            return
        if not (args.flatfile or args.discovery or args.nodes > 1):
            args.discovery = "kubernetes" + (f":{settings.service}:{args.port}" if args.port else "")
        self.probe = LeaderProbe(settings.api_port)

    @hookimpl
    def on_node_started(self, runtime: Runtime) -> None:
        """The node exists: the probe follows it."""
        if self.probe is not None:
            self.probe.follow(runtime.node)

    @hookimpl
    def on_stop(self, runtime: Runtime) -> None:
        """Leave no thread behind."""
        if self.probe is not None:
            self.probe.close()
            self.probe = None
