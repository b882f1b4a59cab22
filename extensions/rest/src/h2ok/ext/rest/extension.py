"""Declaration of the rest extension."""

from h2ok.capabilities.contracts.extension import CoreExtension, Exporter, Extension, Routes, Service

extension = Extension(
    name="rest",
    help="The REST API: hosts the routes of all extensions, and the core routes themselves.",
    priority=10,
    provides=(
        CoreExtension("REST", "h2ok.ext.rest.remote:RemoteServices"),
        CoreExtension("Downloads", "h2ok.ext.rest.warmup:DownloadCore"),
        Routes("Core V3", "h2ok.ext.rest.routes:CORE_V3"),
        Routes("Core V4", "h2ok.ext.rest.routes:CORE_V4"),
        Exporter("csv", "h2ok.ext.rest.csv_export:CsvExporter"),
        Exporter("parquet", "h2ok.ext.rest.parquet_export:ParquetExporter"),
        Service("rest.app", "h2ok.ext.rest.app:Application"),
        Service("rest.server", "h2ok.ext.rest.server:Server"),
    ),
)
