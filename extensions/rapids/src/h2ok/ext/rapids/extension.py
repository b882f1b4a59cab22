"""Declaration of the rapids extension."""

from h2ok.capabilities.contracts.extension import Extension

extension = Extension(name="rapids", provides=())
