"""What this package adds to h2ok. Nothing else is imported until it is used."""

from h2ok.capabilities.contracts.extension import Extension, Routes

extension = Extension(
    name="count",
    provides=(Routes("Count", "h2ok_count.count:ROUTES"),),
    requires=("rest",),
    help="The route /3/Count.",
)
