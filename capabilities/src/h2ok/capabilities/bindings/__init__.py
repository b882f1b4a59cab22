"""Client code and an OpenAPI document, made from what a server says about itself.

``estimator(algo)`` makes an estimator class for the connected H2O client at run time; ``python_source``, ``r_source`` and
``openapi_document`` make the same as text. Any server's metadata will do: a running one, or the extensions installed here.
"""

from __future__ import annotations

from h2ok.capabilities.bindings.estimator import estimator, estimator_class
from h2ok.capabilities.bindings.metadata import LocalMetadata, Metadata, RemoteMetadata
from h2ok.capabilities.bindings.openapi import openapi_document
from h2ok.capabilities.bindings.python import python_source
from h2ok.capabilities.bindings.r import r_source

__all__ = [
    "LocalMetadata",
    "Metadata",
    "RemoteMetadata",
    "estimator",
    "estimator_class",
    "openapi_document",
    "python_source",
    "r_source",
]
