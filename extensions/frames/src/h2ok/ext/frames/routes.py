"""Routes of the frames extension."""

from h2ok.capabilities.contracts.routes import Route

__all__ = ["ROUTES"]

_S = "h2ok.ext.frames.schemas:"
_E = "h2ok.ext.frames."

ROUTES = [
    Route("POST", "/3/CreateFrame", f"{_E}create:create_frame", f"{_S}CreateFrameV3", None, "Make a random frame."),
    Route("POST", "/3/MissingInserter", f"{_E}missing:insert_missing", f"{_S}MissingInserterV3", None, "Insert missing values."),
    Route("POST", "/3/Interaction", f"{_E}interaction:interaction", f"{_S}InteractionV3", None, "Combine enum columns."),
    Route("POST", "/99/DCTTransformer", f"{_E}dct:transform", f"{_S}DCTTransformerV3", None, "Cosine transform of each row."),
    Route("POST", "/3/SplitFrame", f"{_E}split:split_frame", f"{_S}SplitFrameV3", f"{_S}SplitFrameV3", "Split a frame by ratios."),
    Route("POST", "/99/Tabulate", f"{_E}tabulate:tabulate", f"{_S}TabulateV3", f"{_S}TabulateV3", "Count two columns together."),
]
