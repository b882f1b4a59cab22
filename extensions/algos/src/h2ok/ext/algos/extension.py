"""Declaration of the algos extension."""

from h2ok.capabilities.contracts.extension import Extension

extension = Extension(name="algos", provides=())
