"""What this package adds to h2ok. Nothing else is imported until it is used."""

from h2ok.capabilities.contracts.extension import Extension, Parser

extension = Extension(
    name="fixedwidth",
    provides=(Parser("FIXED", "h2ok_fixedwidth.fixedwidth:FixedWidthParser", priority=15_000),),
    requires=("parsers",),
    help="Reads text files whose columns stand at fixed places.",
)
