"""Declaration of the watchdog extension."""

from h2ok.capabilities.contracts.extension import CoreExtension, Extension

extension = Extension(
    name="watchdog",
    priority=50,
    help="Stops a node by rule: its parent is gone, its cloud stays unhealthy, or it uses too much memory.",
    provides=(CoreExtension("Watchdog", "h2ok.ext.watchdog.core:WatchdogCore"),),
)
