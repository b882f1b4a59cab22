"""Routes of importing, uploading and parsing."""

from h2ok.capabilities.contracts.routes import Route

__all__ = ["ROUTES"]

_S = "h2ok.ext.parsers.schemas:"
_I = "h2ok.ext.parsers.imports:"
_A = "h2ok.ext.parsers.arrow_frame:"
_P = "h2ok.ext.parsers.parse:"

ROUTES = [
    Route("GET", "/3/ImportFiles", f"{_I}import_files", f"{_S}ImportFilesV3", f"{_S}ImportFilesV3", "Import a file by path."),
    Route(
        "POST", "/3/ImportFilesMulti", f"{_I}import_files_multi", f"{_S}ImportFilesMultiV3", f"{_S}ImportFilesMultiV3",
        "Import files by path.",
    ),
    Route(
        "POST", "/3/ImportFiles", f"{_I}import_files", f"{_S}ImportFilesV3", f"{_S}ImportFilesV3", "Import a file by path.",
    ),
    Route(
        "POST", "/99/ImportSQLTable", "h2ok.ext.parsers.sql:import_sql_table", "h2ok.ext.parsers.sql:ImportSQLTableV99", None,
        "Import a table or query of a database.",
    ),
    Route(
        "POST", "/3/DecryptionSetup", f"{_I}decryption_setup", f"{_S}DecryptionSetupV3", f"{_S}DecryptionSetupV3",
        "Answers that no decryption tool is there.",
    ),
    Route("POST", "/3/PostFile", f"{_I}post_file", summary="Upload a file.", raw_body=True),
    Route("POST", "/3/PostFile.bin", f"{_I}post_file", summary="Upload a binary file.", raw_body=True),
    Route("POST", "/3/ParseSetup", f"{_P}parse_setup", f"{_S}ParseSetupV3", f"{_S}ParseSetupV3", "Guess how to read raw files."),
    Route("POST", "/3/Parse", f"{_P}parse", f"{_S}ParseV3", f"{_S}ParseV3", "Read raw files into a frame."),
    Route(
        "GET", "/3/Frames/{frame_id}/arrow", f"{_A}get_arrow", f"{_A}ArrowFrameV3", f"{_A}ArrowFrameV3",
        "A frame as an Arrow IPC stream.",
    ),
    Route("POST", "/3/Frames/{frame_id}/arrow", f"{_A}post_arrow", summary="Make a frame of an Arrow IPC stream.", raw_body=True),
    Route("POST", "/3/ParseSVMLight", f"{_P}parse_svmlight", f"{_S}ParseSVMLightV3", None, "Read SVMLight files into a frame."),
]  # fmt: skip
