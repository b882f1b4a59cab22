"""The conformance set: every file and option gives what H2O-3 made of it, but for the deviations listed with their reasons."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime

GOLDEN = Path(__file__).parent.parent / "golden" / "parse"
sys.path.insert(0, str(GOLDEN))
from conformance import ALL_CASES, form_body, twin_of, walk

RECORDED: dict[str, Any] = json.loads((GOLDEN / "conformance.json").read_text())["cases"]
OWN: dict[str, Any] = json.loads((GOLDEN / "deviations.json").read_text())
_REASONS: dict[str, tuple[str, ...]] = {
    "H2O ends the row at text after a closing quote; h2ok keeps the text in the cell.": ("quote_then_text",),
    "H2O cannot find the format when names are given; h2ok can.": ("names_given",),
    "H2O passes over NA texts that are numbers; h2ok takes them.": ("na_number", "na_one_column"),
    "H2O reads inf as missing and a lone sign as 0; h2ok reads infinity and missing.": (
        "num_inf_words", "num_minus_alone", "num_plus_alone",
    ),
    "H2O overflows or rounds twice; h2ok reads the nearest double.": ("num_large", "num_huge", "num_digits"),
    "H2O reads .5 seconds as 5 ms and 12 AM as noon; h2ok as 500 ms and midnight.": ("time_clock_only", "time_am_pm"),
    "H2O cuts a column of times at the blank; h2ok does not.": ("time_micro", "time_alone"),
    "H2O takes ISO 8601, zones, slashes after a year and times without seconds for text; h2ok reads times.": (
        "time_t", "time_iso_utc", "time_iso_zones", "time_no_seconds", "time_year_slashes",
    ),
    "H2O sorts the levels of ARFF that occur; h2ok keeps those of the header in its order.": (
        "arff_level_order", "arff_unseen_level", "arff_level_seen_late",
    ),
    "H2O cuts ARFF at quotes, braces and escapes, and takes headers it does not know for CSV; h2ok reads them as WEKA does.": (
        "arff_blanks", "arff_two_quotes", "arff_escapes", "arff_sparse", "arff_weights", "arff_levels_without_blank", "arff_dates",
    ),
    "H2O takes SVMLight with features from 0, queries or remarks for CSV; h2ok reads it.": (
        "svm_from_zero", "svm_queries", "svm_remarks",
    ),
    "H2O refuses UTF-16; h2ok decodes it.": ("utf16_le", "utf16_be_crlf", "utf16_gz", "utf16_arff", "utf16_svm", "utf32"),
    "H2O loses the rows behind a byte NUL; h2ok names the byte.": ("utf16_without_mark", "nul_early"),
    "H2O makes two columns of one name, keeps percent signs in folder names and takes Hive's missing value for a level.": (
        "folder_key_in_file", "folder_missing_and_signs",
    ),
    "H2O leaves the quotes around levels of ARFF; h2ok takes them off.": ("arff_quoted_levels",),
    "H2O takes the mark of the byte order for a part of the first cell; h2ok leaves it out.": (
        "bom_header", "bom_quoted_header", "bom_no_header", "bom_gz",
    ),
    "H2O takes bzip2 and xz for text; h2ok decompresses.": ("bz2", "xz"),
    "H2O shows microseconds as numbers; h2ok as times.": ("parquet_ts_us", "orc_ts_us"),
    "H2O guesses from the first row group; h2ok from the first thousand rows.": ("parquet_row_groups",),
    "H2O passes over column types of binary formats; h2ok takes them.": ("parquet_type_enum", "parquet_type_string", "xls_types"),
    "H2O reads damaged binary files as text; h2ok refuses them.": ("parquet_damaged", "orc_damaged", "avro_damaged", "xls_damaged"),
    "H2O finds no rows in some small AVRO files; h2ok does.": ("avro_null_int", "avro_null_boolean"),
    "H2O shows dates of AVRO as numbers; h2ok as times.": ("avro_timestamp", "avro_date"),
    "H2O fails on fields of type null and on skipped columns of AVRO; h2ok does not.": ("avro_null_type", "avro_skip"),
    "H2O's XLS reader fails without a header, on booleans, dates, other letters than ASCII, skipped columns, and rounds.": (
        "xls_no_header", "xls_dates", "xls_booleans", "xls_unicode", "xls_large", "xls_skip",
        "xlsx_no_header", "xlsx_dates", "xlsx_booleans", "xlsx_unicode", "xlsx_large",
    ),
}  # fmt: skip
DEVIATIONS = {name: reason for reason, names in _REASONS.items() for name in names}


@pytest.fixture(scope="module")
def shared() -> Iterator[Runtime]:
    with local_runtime(only=("rest", "parsers")) as made:
        yield made


def normal(answer: dict[str, Any]) -> dict[str, Any]:
    """What is compared: an all-missing column has no number type of its own, UUID text compares in lower case, numbers as doubles,
    as in H2O's JSON (tests/client/test_longs.py is about the digits behind these).
    """
    out = {"failed": bool(answer.get("failed")), "rows": answer.get("rows")}
    columns = []
    for c in answer.get("columns", ()):
        data = [None if v == "NaN" else float(v) if isinstance(v, int) else v for v in c["data"]]
        kind = c["type"]
        if kind in ("int", "real") and all(v is None for v in data):
            kind = "int"
        if kind == "uuid":
            data = [None if v is None else v.lower() for v in data]
        columns.append({"name": c["name"], "type": kind, "domain": c["domain"], "data": data})
    return out | {"columns": columns}


def test_the_set_is_recorded() -> None:
    assert set(RECORDED) == {n for n in ALL_CASES if twin_of(n) is None}
    assert len(ALL_CASES) >= 150
    assert set(DEVIATIONS) == set(OWN)


@pytest.mark.parametrize("name", ALL_CASES)
def test_parse_equals_h2o(shared: Runtime, tmp_path: Path, name: str) -> None:
    client = Client.of(shared)

    def web(method: str, path: str, **form: Any) -> Any:
        return client.request(method, path, data=form_body(form), content_type="application/x-www-form-urlencoded").json

    answer = walk(web, tmp_path, ALL_CASES[name])
    assert not [k for k in shared.node.dkv.local_keys() if not k.startswith("$job")] or answer.get("failed")
    client.delete("/3/DKV")
    recorded = normal(RECORDED[twin_of(name) or name])
    if name in DEVIATIONS:
        assert normal(answer) != recorded, f"This deviation is none any more: {DEVIATIONS[name]}"
        recorded = normal(OWN[name])
    assert normal(answer) == recorded
