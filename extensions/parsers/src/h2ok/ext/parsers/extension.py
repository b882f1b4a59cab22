"""Declaration of the parsers extension: file formats, local files and uploads."""

from h2ok.capabilities.contracts.extension import CoreExtension, Extension, Parser, Persist, Routes

extension = Extension(
    name="parsers",
    priority=50,
    help="Reads CSV, ARFF, SVMLight, XLS, XLSX, AVRO, Parquet and ORC files (text also gzip, zip, bzip2, xz, zstd) from anywhere.",
    provides=(
        Parser("GUESS", "h2ok.ext.parsers.guess:GuessParser", priority=-10_000),
        Parser("ARFF", "h2ok.ext.parsers.arff:ArffParser", priority=0),
        Parser("XLS", "h2ok.ext.parsers.excel:XlsParser", priority=100),
        Parser("XLSX", "h2ok.ext.parsers.excel:XlsxParser", priority=102),
        Parser("SVMLight", "h2ok.ext.parsers.svmlight:SvmLightParser", priority=1000),
        Parser("AVRO", "h2ok.ext.parsers.avro:AvroParser", priority=10_010),
        Parser("PARQUET", "h2ok.ext.parsers.parquet:ParquetParser", priority=10_020),
        Parser("ORC", "h2ok.ext.parsers.orc:OrcParser", priority=10_030),
        Parser("CSV", "h2ok.ext.parsers.csv.parser:CsvParser", priority=2**31 - 1),
        Persist("file", "h2ok.ext.parsers.files:PersistFile", schemes=("", "file", "nfs")),
        Routes("Core V3", "h2ok.ext.parsers.routes:ROUTES"),
        CoreExtension("Parsers", "h2ok.ext.parsers.warmup:ParsersCore"),
    ),
    modules=("h2ok.ext.parsers.parse",),
)
