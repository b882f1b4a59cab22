"""Declaration of the rest extension."""

from h2ok.capabilities.contracts.extension import Extension

extension = Extension(name="rest", provides=())
