"""Schemas of frames and of the key-value store."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.schema import RequestSchema, Schema, api

__all__ = [
    "ColV3",
    "DownloadDataV3",
    "FindV3",
    "FrameBaseV3",
    "FrameChunkV3",
    "FrameChunksV3",
    "FrameSynopsisV3",
    "FrameV3",
    "FramesListV3",
    "FramesV3",
    "RemoveAllV3",
    "RemoveV3",
]


class FrameBaseV3(RequestSchema):
    """What all descriptions of a frame have."""

    frame_id: Any = api("Key<Frame>", schema="FrameKeyV3", required=True, help="Key of the frame.")
    byte_size: int = api("long", 0, direction="OUTPUT", help="Bytes of the encoded data.")
    is_text: bool = api("boolean", False, direction="OUTPUT", help="Whether it is raw text that is not parsed yet.")


class FrameSynopsisV3(FrameBaseV3):
    """A frame in a list."""

    rows: int = api("long", 0, direction="OUTPUT", help="Number of rows.")
    columns: int = api("long", 0, direction="OUTPUT", help="Number of columns.")


class FrameV3(FrameBaseV3):
    """A frame with a window of its data."""

    schema_type = "Frame"
    row_offset: int = api("long", 0, direction="INPUT", help="First row of the window.")
    row_count: int = api("int", 0, help="Rows of the window.")
    column_offset: int = api("int", 0, help="First column of the window.")
    column_count: int = api("int", 0, help="Columns of the window.")
    full_column_count: int = api("int", 0, help="Columns of the window that carry data; the others carry names and types.")
    total_column_count: int = api("int", 0, help="All columns of the frame.")
    checksum: int = api("long", 0, direction="OUTPUT", help="Number that changes with the data.")
    rows: int = api("long", 0, direction="OUTPUT", help="All rows of the frame.")
    num_columns: int = api("long", 0, direction="OUTPUT", help="All columns of the frame.")
    default_percentiles: list[float] = api("double[]", direction="OUTPUT", help="Probabilities of the percentiles.")
    columns: list[Any] = api("Vec[]", direction="OUTPUT", schema="ColV3", help="Columns of the window.")
    compatible_models: list[str] = api("string[]", direction="OUTPUT", help="Models that can score the frame.")
    chunk_summary: Any = api("TwoDimTable", direction="OUTPUT", schema="TwoDimTableV3", help="Chunks by codec.")
    distribution_summary: Any = api("TwoDimTable", direction="OUTPUT", schema="TwoDimTableV3", help="Chunks by node.")


class ColV3(Schema):
    """A column with a window of its data."""

    schema_type = "Vec"
    label: str = api("string", direction="OUTPUT", help="Name of the column.")
    missing_count: int = api("long", 0, direction="OUTPUT", help="Missing values.")
    zero_count: int = api("long", 0, direction="OUTPUT", help="Zeros.")
    positive_infinity_count: int = api("long", 0, direction="OUTPUT", help="Values of plus infinity.")
    negative_infinity_count: int = api("long", 0, direction="OUTPUT", help="Values of minus infinity.")
    mins: list[float] = api("double[]", direction="OUTPUT", help="The five smallest values.")
    maxs: list[float] = api("double[]", direction="OUTPUT", help="The five largest values.")
    mean: float = api("double", 0.0, direction="OUTPUT", help="Mean of the known values.")
    sigma: float = api("double", 0.0, direction="OUTPUT", help="Standard deviation of the known values.")
    type: str = api("string", direction="OUTPUT", help="int, real, enum, time, string, uuid or bad.")
    domain: list[str] = api("string[]", direction="OUTPUT", help="Levels of an enum.")
    domain_cardinality: int = api("int", 0, direction="OUTPUT", help="Number of levels.")
    data: list[float] = api(
        "double[]", direction="OUTPUT", help="Values of the window as doubles; level index for an enum, milliseconds for a time."
    )
    string_data: list[str] = api("string[]", direction="OUTPUT", help="Values of the window as text, for string and UUID columns.")
    precision: int = api("byte", 0, direction="OUTPUT", help="Digits behind the point, -1 when not fixed.")
    histogram_bins: list[int] = api("long[]", direction="OUTPUT", help="Counts of equally wide bins.")
    histogram_base: float = api("double", 0.0, direction="OUTPUT", help="Begin of the first bin.")
    histogram_stride: float = api("double", 0.0, direction="OUTPUT", help="Width of a bin.")
    percentiles: list[float] = api("double[]", direction="OUTPUT", help="Values at the default percentiles.")


class FramesV3(RequestSchema):
    """Request for a frame, and the answer."""

    schema_type = "Frames"
    frame_id: Any = api("Key<Frame>", direction="INPUT", schema="FrameKeyV3", json=False, help="Key of the frame.")
    column: str = api("string", direction="INPUT", json=False, help="Name of a column.")
    row_offset: int = api("long", 0, help="First row of the window.")
    row_count: int = api("int", -1, help="Rows of the window.")
    column_offset: int = api("int", 0, help="First column of the window.")
    full_column_count: int = api("int", -1, help="Columns of the window that carry data; the others carry names and types.")
    column_count: int = api("int", -1, help="Columns of the window.")
    find_compatible_models: bool = api(
        "boolean", False, direction="INPUT", json=False, help="Whether to list models that can score the frame."
    )
    path: str = api("string", direction="INPUT", json=False, help="File or folder to write.")
    force: bool = api("boolean", False, direction="INPUT", json=False, help="Whether to replace an existing file.")
    num_parts: int = api("int", 1, direction="INPUT", json=False, help="Number of files, 1 for one, -1 for one a chunk.")
    parallel: bool = api("boolean", False, direction="INPUT", json=False, help="Whether nodes write one file together.")
    format: str = api("enum", direction="INPUT", json=False, help="csv, parquet, or a format that an extension writes.")
    compression: str = api("string", direction="INPUT", help="Compression of the files.")
    write_checksum: bool = api("boolean", True, direction="INPUT", help="Whether to write a checksum beside each file.")
    tz_adjust_from_local: bool = api("boolean", False, direction="INPUT", help="Whether times move from local time to UTC.")
    separator: int = api("byte", 44, direction="INPUT", help="Code point between values.")
    header: bool = api("boolean", True, direction="INPUT", help="Whether to write the column names.")
    quote_header: bool = api("boolean", True, direction="INPUT", help="Whether to quote the column names.")
    job: Any = api("Job", direction="OUTPUT", schema="JobV3", help="The job that writes.")
    frames: list[Any] = api("Frame[]", direction="OUTPUT", schema="FrameV3", help="The frames.")
    compatible_models: list[Any] = api(
        "Model[]", direction="OUTPUT", schema="ModelSchemaV3", help="Models that can score the frame."
    )
    domain: list[Any] = api("string[][]", direction="OUTPUT", help="Levels of the column.")


class FramesListV3(RequestSchema):
    """All frames."""

    schema_type = "Frames"
    frame_id: Any = api("Key<Frame>", direction="INPUT", schema="FrameKeyV3", json=False, help="Key of the frame.")
    frames: list[Any] = api("Iced[]", direction="OUTPUT", schema="FrameBaseV3", help="The frames.")


class DownloadDataV3(RequestSchema):
    """Request for a frame as CSV."""

    frame_id: Any = api("Key<Frame>", direction="INPUT", schema="FrameKeyV3", required=True, help="Key of the frame.")
    hex_string: bool = api(
        "boolean", False, direction="INPUT", help="Whether doubles are written in hexadecimal, exact to the last bit."
    )
    csv: str = api("string", direction="OUTPUT", help="Not used; the CSV is the body.")
    filename: str = api("string", direction="OUTPUT", help="Name offered for the file.")


class FindV3(RequestSchema):
    """Search for a value in a column."""

    key: Any = api("Frame", direction="INPUT", schema="FrameV3", required=True, help="Key of the frame.")
    column: str = api("string", direction="INPUT", help="Column to search, all when not given.")
    row: int = api("long", 0, direction="INPUT", required=True, help="Row to start at.")
    match: str = api("string", direction="INPUT", help="Value to find; a number, level or text, NA when not given.")
    prev: int = api("long", 0, direction="OUTPUT", help="Row of the match before, -1 for none.")
    next: int = api("long", 0, direction="OUTPUT", help="Row of the match at or behind, -1 for none.")


class FrameChunksV3(Schema):
    """Where the chunks of a frame are."""

    frame_id: Any = api("Key<Frame>", schema="FrameKeyV3", required=True, help="Key of the frame.")
    chunks: list[Any] = api("Iced[]", direction="OUTPUT", schema="FrameChunkV3", help="The chunks.")


class FrameChunkV3(Schema):
    """One chunk."""

    chunk_id: int = api("int", 0, direction="OUTPUT", help="Position of the chunk.")
    row_count: int = api("int", 0, direction="OUTPUT", help="Rows of the chunk.")
    node_idx: int = api("int", 0, direction="OUTPUT", help="Position of the node it lives on.")


class RemoveV3(RequestSchema):
    """Removal of one key."""

    key: Any = api("Key<Keyed>", direction="INPUT", schema="KeyV3", help="The key.")
    cascade: bool = api("boolean", False, direction="INPUT", help="Whether to remove what depends on it.")


class RemoveAllV3(RequestSchema):
    """Removal of all keys."""

    retained_keys: list[Any] = api("Key<Keyed>[]", direction="INPUT", schema="KeyV3", help="Keys of frames and models to keep.")
