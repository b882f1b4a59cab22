"""Declaration of the models extension."""

from h2ok.capabilities.contracts.extension import Extension

extension = Extension(name="models", provides=())
