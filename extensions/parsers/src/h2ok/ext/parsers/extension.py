"""Declaration of the parsers extension."""

from h2ok.capabilities.contracts.extension import Extension

extension = Extension(name="parsers", provides=())
