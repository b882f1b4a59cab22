"""What this package adds to h2ok. Nothing else is imported until it is used."""

from h2ok.capabilities.contracts.extension import Extension, Primitives

extension = Extension(
    name="clip",
    provides=(Primitives("h2ok_clip.clip:PRIMITIVES", names=("clip",)),),
    requires=("rapids",),
    help="The Rapids primitive clip.",
)
