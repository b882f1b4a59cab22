"""h2ok.capabilities.testing: fixtures and helpers for authors of extensions (a pytest plugin, loaded with the distribution).

Fixtures: ``runtime`` (one node in this process with all installed extensions), ``client`` (REST without a socket), ``cloud3`` (the
runtimes of three nodes in this process). Mark a test with
``@pytest.mark.extensions("rest", "models")`` to load those only, ``@pytest.mark.extensions(extra=[EXTENSION])`` to add one that is
not installed.
"""

from h2ok.capabilities.testing.client import Answer, Client
from h2ok.capabilities.testing.local import local_runtime, local_runtimes

__all__ = ["Answer", "Client", "local_runtime", "local_runtimes"]
