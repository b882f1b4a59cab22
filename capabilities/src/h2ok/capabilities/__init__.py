"""h2ok.capabilities: the SPI - contracts, discovery, composition, report and the h2ok command."""

from h2ok.capabilities.contracts.extension import API_VERSION, Extension
from h2ok.capabilities.registry import Registry, resolve
from h2ok.capabilities.runtime import Runtime
from h2ok.capabilities.settings import Settings

__all__ = ["API_VERSION", "Extension", "Registry", "Runtime", "Settings", "resolve"]
