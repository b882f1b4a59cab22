"""Schemas of importing, uploading and parsing."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.schema import Schema, api

__all__ = ["DecryptionSetupV3", "ImportFilesMultiV3", "ImportFilesV3", "ParseSVMLightV3", "ParseSetupV3", "ParseV3"]


class _RequestSchema(Schema):
    schema_name = "RequestSchemaV3"
    exclude_fields: str = api(
        "string", "", direction="INPUT", wire_name="_exclude_fields", help="Fields to leave out of the answer."
    )


class ImportFilesV3(_RequestSchema):
    """GET /3/ImportFiles."""

    schema_type = "ImportFiles"
    path: str = api("string", required=True, help="File, folder or URI to import.")
    pattern: str = api("string", direction="INPUT", help="Regular expression on full paths; only matches are imported.")
    files: list[str] = api("string[]", direction="OUTPUT", help="Files found.")
    destination_frames: list[str] = api("string[]", direction="OUTPUT", help="Keys of the raw files.")
    fails: list[str] = api("string[]", direction="OUTPUT", help="Files that cannot be read.")
    dels: list[str] = api("string[]", direction="OUTPUT", help="Keys that were replaced.")


class ImportFilesMultiV3(_RequestSchema):
    """POST /3/ImportFilesMulti."""

    schema_type = "ImportFilesMulti"
    paths: list[str] = api("string[]", required=True, help="Files, folders or URIs to import.")
    pattern: str = api("string", direction="INPUT", help="Regular expression on full paths; only matches are imported.")
    files: list[str] = api("string[]", direction="OUTPUT", help="Files found.")
    destination_frames: list[str] = api("string[]", direction="OUTPUT", help="Keys of the raw files.")
    fails: list[str] = api("string[]", direction="OUTPUT", help="Files that cannot be read.")
    dels: list[str] = api("string[]", direction="OUTPUT", help="Keys that were replaced.")


class ParseSetupV3(_RequestSchema):
    """POST /3/ParseSetup: guess how to read sources."""

    schema_type = "ParseSetup"
    source_frames: Any = api("Key<Frame>[]", schema="FrameKeyV3", required=True, help="Raw files to read.")
    parse_type: str = api("string", "GUESS", help="Name of the parser.")
    separator: int = api("byte", 0, help="Code point of the separator, 0 to guess.")
    single_quotes: bool = api("boolean", False, help="Whether single quotes quote cells.")
    check_header: int = api("int", 0, help="1 header, -1 none, 0 guess.")
    column_names: list[str] = api("string[]", help="Names of the columns.")
    skipped_columns: list[int] = api("int[]", help="Positions of columns to leave out.")
    column_types: list[str] = api("string[]", help="Types of the columns.")
    na_strings: list[list[str]] = api("string[][]", help="For each column the texts that mean a missing value.")
    column_name_filter: str = api("string", direction="INPUT", help="Regular expression on column names for the preview.")
    column_offset: int = api("int", 0, direction="INPUT", help="First column of the preview.")
    column_count: int = api("int", 0, direction="INPUT", help="Number of columns of the preview, 0 for all.")
    destination_frame: str = api("string", direction="OUTPUT", help="Suggested key of the frame.")
    header_lines: int = api("int", 0, direction="OUTPUT", help="Lines before the data.")
    number_columns: int = api("int", 0, help="Number of columns.")
    data: list[list[str]] = api("string[][]", direction="OUTPUT", help="First rows as text.")
    warnings: list[str] = api("string[]", direction="OUTPUT", help="What looked odd.")
    chunk_size: int = api("int", 0, direction="OUTPUT", help="Bytes that become one chunk.")
    total_filtered_column_count: int = api("int", 0, direction="OUTPUT", help="Columns in the preview.")
    custom_non_data_line_markers: str = api("string", help="First characters of lines that are no data.")
    decrypt_tool: Any = api("Key<DecryptionTool>", help="Decryption tool; none is supported.")
    partition_by: list[str] = api("string[]", help="Columns taken from folder names.")
    escapechar: int = api("byte", 0, help="Code point of the escape character, 0 for none.")
    force_col_types: bool = api("boolean", False, help="Whether given types overrule the types stored in a file.")
    tz_adjust_to_local: bool = api("boolean", False, help="Whether times in a file move to the cloud's time zone.")


class ParseV3(_RequestSchema):
    """POST /3/Parse: read sources into a frame."""

    schema_type = "Iced"
    destination_frame: str = api("Key<Frame>", schema="FrameKeyV3", required=True, help="Key of the frame to make.")
    source_frames: Any = api("Key<Frame>[]", schema="FrameKeyV3", required=True, help="Raw files to read.")
    parse_type: str = api("string", "GUESS", help="Name of the parser.")
    separator: int = api("byte", 0, help="Code point of the separator.")
    single_quotes: bool = api("boolean", False, help="Whether single quotes quote cells.")
    check_header: int = api("int", 0, help="1 header, -1 none, 0 guess.")
    number_columns: int = api("int", 0, help="Number of columns.")
    column_names: list[str] = api("string[]", help="Names of the columns.")
    column_types: list[str] = api("string[]", help="Types of the columns.")
    skipped_columns: list[int] = api("int[]", help="Positions of columns to leave out.")
    force_col_types: bool = api("boolean", False, help="Whether given types overrule the types stored in a file.")
    domains: list[list[str]] = api("string[][]", help="Levels of enum columns.")
    na_strings: list[list[str]] = api("string[][]", help="For each column the texts that mean a missing value.")
    chunk_size: int = api("int", 4_194_304, help="Bytes that become one chunk.")
    delete_on_done: bool = api("boolean", True, help="Whether the raw files are forgotten afterwards.")
    blocking: bool = api("boolean", False, help="Whether the answer waits for the end.")
    decrypt_tool: Any = api("Key<DecryptionTool>", help="Decryption tool; none is supported.")
    custom_non_data_line_markers: str = api("string", help="First characters of lines that are no data.")
    partition_by: list[str] = api("string[]", help="Columns taken from folder names.")
    job: Any = api("Job", direction="OUTPUT", schema="JobV3", help="The job.")
    rows: int = api("long", 0, direction="OUTPUT", help="Rows read.")
    escapechar: int = api("byte", 0, help="Code point of the escape character, 0 for none.")
    tz_adjust_to_local: bool = api("boolean", False, help="Whether times in a file move to the cloud's time zone.")


class ParseSVMLightV3(_RequestSchema):
    """POST /3/ParseSVMLight."""

    schema_type = "Iced"
    destination_frame: str = api("Key<Frame>", schema="FrameKeyV3", help="Key of the frame to make.")
    source_frames: Any = api("Key<Frame>[]", schema="FrameKeyV3", required=True, help="Raw files to read.")


class DecryptionSetupV3(_RequestSchema):
    """POST /3/DecryptionSetup."""

    schema_type = "DecryptionSetup"
    decrypt_tool_id: Any = api("Key<DecryptionTool>", schema="DecryptionToolKeyV3", help="Key of the tool.")
    decrypt_impl: str = api("string", "water.parser.GenericDecryptionTool", help="Kind of the tool.")
    keystore_id: Any = api("Key<Frame>", schema="FrameKeyV3", help="Raw file with the keys.")
    keystore_type: str = api("string", help="Kind of the file with the keys.")
    key_alias: str = api("string", help="Name of the key.")
    password: str = api("string", direction="INPUT", help="Password of the file with the keys.")
    cipher_spec: str = api("string", help="Cipher.")
