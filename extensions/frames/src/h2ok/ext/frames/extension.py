"""Declaration of the frames extension."""

from h2ok.capabilities.contracts.extension import Extension, Routes

extension = Extension(
    name="frames",
    priority=50,
    help="Makes random frames, splits and interactions, and inserts missing values.",
    provides=(Routes("Core V3", "h2ok.ext.frames.routes:ROUTES"),),
)
