"""Declaration of the persist_s3 extension."""

from h2ok.capabilities.contracts.extension import Extension, Persist, Primitives, Routes

extension = Extension(
    name="persist_s3",
    priority=50,
    help="Imports from and exports to S3-compatible object stores (s3://bucket/key).",
    provides=(
        Persist("S3", "h2ok.ext.persist_s3.store:PersistS3", schemes=("s3", "s3a", "s3n")),
        Primitives("h2ok.ext.persist_s3.primitives:PRIMITIVES", ("s3.generate.presigned.URL",)),
        Routes("Amazon S3", "h2ok.ext.persist_s3.routes:ROUTES"),
    ),
)
