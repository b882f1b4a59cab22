"""Schemas of the frames extension."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.schema import Schema, api

__all__ = ["CreateFrameV3", "DCTTransformerV3", "InteractionV3", "MissingInserterV3", "SplitFrameV3", "TabulateV3"]


class _RequestSchema(Schema):
    schema_name = "RequestSchemaV3"
    exclude_fields: str = api(
        "string", "", direction="INPUT", wire_name="_exclude_fields", help="Fields to leave out of the answer."
    )


class CreateFrameV3(_RequestSchema):
    """POST /3/CreateFrame."""

    schema_type = "CreateFrame"
    dest: str = api("Key<Frame>", schema="FrameKeyV3", help="Key of the frame.")
    rows: int = api("long", 10_000, help="Rows.")
    cols: int = api("int", 10, help="Columns, the response not counted.")
    seed: int = api("long", -1, help="Seed of the values; -1 for a new one.")
    seed_for_column_types: int = api("long", -1, help="Seed of the order of the column types.")
    randomize: bool = api("boolean", True, help="Whether values are random.")
    value: int = api("long", 0, help="The value of every cell when they are not random.")
    real_range: int = api("long", 100, help="Reals lie between minus and plus this.")
    categorical_fraction: float = api("double", 0.2, help="Share of enum columns.")
    factors: int = api("int", 100, help="Levels of each enum column.")
    integer_fraction: float = api("double", 0.2, help="Share of integer columns.")
    integer_range: int = api("long", 100, help="Integers lie between minus and plus this.")
    binary_fraction: float = api("double", 0.1, help="Share of 0/1 columns.")
    binary_ones_fraction: float = api("double", 0.02, help="Share of ones in them.")
    time_fraction: float = api("double", 0.0, help="Share of time columns.")
    string_fraction: float = api("double", 0.0, help="Share of text columns.")
    missing_fraction: float = api("double", 0.01, help="Share of missing cells.")
    has_response: bool = api("boolean", False, help="Whether a response column comes first.")
    response_factors: int = api("int", 2, help="Levels of the response; 1 for a real one.")
    positive_response: bool = api("boolean", False, help="Whether a real response is positive.")
    key: Any = api("Key<Job>", direction="OUTPUT", schema="JobKeyV3", help="The job.")


class MissingInserterV3(_RequestSchema):
    """POST /3/MissingInserter."""

    schema_type = "MissingInserter"
    dataset: str = api("Key<Frame>", direction="INPUT", required=True, schema="FrameKeyV3", help="Frame to change in place.")
    fraction: float = api("double", 0.0, direction="INPUT", required=True, help="Share of cells to make missing.")
    seed: int = api("long", -1, direction="INPUT", help="Seed; -1 for a new one.")


class InteractionV3(_RequestSchema):
    """POST /3/Interaction."""

    schema_type = "Interaction"
    dest: str = api("Key<Frame>", schema="FrameKeyV3", help="Key of the frame of interactions.")
    source_frame: str = api("Key<Frame>", schema="FrameKeyV3", help="Frame of the factors.")
    factor_columns: list[str] = api("string[]", help="Enum columns.")
    pairwise: bool = api("boolean", False, help="Whether every pair interacts, or all together.")
    max_factors: int = api("int", 100, required=True, help="Most frequent levels kept; the others become 'other'.")
    min_occurrence: int = api("int", 1, help="Rows a level needs to be kept.")


class SplitFrameV3(Schema):
    """POST /3/SplitFrame."""

    schema_type = "SplitFrame"
    key: Any = api("Key<Job>", schema="JobKeyV3", help="The job.")
    dataset: str = api("Key<Frame>", direction="INPUT", schema="FrameKeyV3", help="Frame to split.")
    ratios: list[float] = api("double[]", direction="INPUT", help="Share of the rows for each part but the last.")
    destination_frames: Any = api("Key<Frame>[]", schema="FrameKeyV3", help="Keys of the parts.")


class DCTTransformerV3(_RequestSchema):
    """POST /99/DCTTransformer."""

    schema_type = "DCTTransformer"
    dataset: str = api("Key<Frame>", schema="FrameKeyV3", direction="INPUT", required=True, help="Frame to transform.")
    destination_frame: str = api("Key<Frame>", schema="FrameKeyV3", direction="INPUT", help="Key of the new frame.")
    dimensions: list[int] = api("int[]", direction="INPUT", required=True, help="Height, width and depth.")
    inverse: bool = api("boolean", False, direction="INPUT", help="Whether to go back from coefficients.")


class TabulateV3(Schema):
    """POST /99/Tabulate."""

    schema_type = "Tabulate"
    dataset: str = api("Key<Frame>", direction="INPUT", required=True, schema="FrameKeyV3", help="Frame of the columns.")
    predictor: Any = api("VecSpecifier", required=True, help="Column whose values make the rows.")
    response: Any = api("VecSpecifier", required=True, help="Column whose values are counted and averaged.")
    weight: Any = api("VecSpecifier", help="Column of weights; every row counts 1 without one.")
    nbins_predictor: int = api("int", 20, direction="INPUT", help="Bins of a numeric predictor.")
    nbins_response: int = api("int", 10, direction="INPUT", help="Bins of a numeric response.")
    count_table: Any = api("TwoDimTable", direction="OUTPUT", schema="TwoDimTableV3", help="How often values occur together.")
    response_table: Any = api("TwoDimTable", direction="OUTPUT", schema="TwoDimTableV3", help="Mean response for each value.")
