"""Times in text, against Python's datetime: forms, zones, fractions, patterns, and the files they stand in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from h2ok.capabilities.contracts.parser import ParseSetup
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.settings import TIME_ZONE_KEY
from h2ok.ext.parsers.csv.guess import guess_csv
from h2ok.ext.parsers.csv.patterns import compile_pattern
from h2ok.ext.parsers.times import looks_like_time, parse_times, patterned_times
from h2ok.kernel import NA_INT64, Frame, IllegalArgumentError
from hypothesis import given, settings
from hypothesis import strategies as st

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DAY = 1698710400000  # 2023-10-31


def ms(at: dt.datetime) -> int:
    return (at - EPOCH) // dt.timedelta(milliseconds=1)


def one(text: str, zone: str = "UTC") -> int | None:
    found = int(parse_times([text], zone)[0])
    return None if found == NA_INT64 else found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12MAR2015", 1426118400000), ("12MAR2015:11:00:00", 1426158000000), ("12mar15:11:00:00.5", 1426158000500),
        ("12-MAR-2015:11:00:00", 1426158000000), ("1Mar2015 11:00", 1425207600000), ("01JAN1960", -315619200000),
        ("2023-10-31T14:05:06", DAY + 50706000), ("2023-10-31T14:05", DAY + 50700000), ("2023-10-31 14:05", DAY + 50700000),
        ("10/31/2023 14:05", DAY + 50700000), ("10/31/2023 2:05 PM", DAY + 50700000), ("10/31/2023:14:05:00", DAY + 50700000),
        ("2023/10/31", DAY), ("2023/10/31 14:05:06", DAY + 50706000), ("2023-10", 1696118400000), ("31-October-2023", DAY),
        ("2023-10-31T14:05:06Z", DAY + 50706000), ("2023-10-31T14:05:06+00:00", DAY + 50706000),
        ("2023-10-31 14:05:06+0530", DAY + 50706000 - 19800000), ("2023-10-31 14:05:06.25-08", DAY + 50706250 + 28800000),
        ("2023-10-31 14:05:06 UTC", DAY + 50706000), ("2023-10-31 14:05:06 +01:00", DAY + 47106000),
        ("1969-12-31T23:59:59.9999", -1), ("2023-10-31 14:05:06.123999999999999", DAY + 50706123),
        ("10-31-2023", DAY), ("10-31-23 14:05:06", DAY + 50706000), ("2023-10-31 14.05.06", DAY + 50706000),
        ("2023-10-31   14:05", DAY + 50700000), ("2:05:00 PM", 50700000), (" 2023-10-31\t", DAY),
    ],
)  # fmt: skip
def test_forms_of_times(text: str, value: int) -> None:
    assert one(text) == value
    assert looks_like_time(text.strip())


@pytest.mark.parametrize(
    "text",
    [
        "41_10_1", "vmx-15", "T00370201", "1-1-1", "may", "2020-Q1", "12-2020", "14:05", "2023-10-31:14:05:00",
        "29FEB2023", "31-JUN-2023", "2023-10-31 14:61", "2023-10-31 14:05:60", "14.05.06", "2023-10-31 14.05", "31-10-2023",
        "12MAR2015T11:00:00", "31/Oct/2023", "31.10.2023", "20130101T101010", "2023-10-31T14", "2023-10-31T14:05:06+5",
        "2023-10-31T14:05:06+24:00", "2023-10-31Z", "99XYZ2015", "32MAR2015", "2023-13-01", "2023-10-31 24:00",
        "2023-10-31 14:05:06.", "14:05:06Z", "12345-01-01", "",
    ],
)  # fmt: skip
def test_texts_that_only_resemble_times(text: str) -> None:
    assert one(text) is None
    assert not looks_like_time(text)


def test_days_that_do_not_exist_are_missing_times() -> None:
    for text in ("2023-02-30", "2/30/2023", "2023-02-29T10:00:00Z", "0000-01-01"):
        assert looks_like_time(text)
        assert one(text) is None


_ZONES = st.sampled_from(["", "Z", " UTC", "+00", "-08", "+0530", "-03:30", "+14:00"])
_AHEAD = {"-08": -480, "+0530": 330, "-03:30": -210, "+14:00": 840}
_FORMS = ("%Y-%m-%d", "%m-%d-%Y", "%Y/%m/%d", "%m/%d/%Y", "%d-%b-%Y", "%d%b%Y", "%d%B%Y")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
@given(
    at=st.datetimes(dt.datetime(1000, 1, 2), dt.datetime(9999, 12, 30)),
    form=st.sampled_from(_FORMS),
    clock=st.sampled_from(["", "%H:%M", "%H:%M:%S", "%I:%M:%S %p", "%I:%M%p"]),
    digits=st.text("0123456789", max_size=20),
    told=_ZONES,
)
@settings(max_examples=150, deadline=None)
def test_times_are_those_of_datetime(zone: str, at: dt.datetime, form: str, clock: str, digits: str, told: str) -> None:
    at = at.replace(microsecond=0)
    separator = "T" if form[:2] == "%Y" and "p" not in clock else " " if form[1] in "Ym" else ":"
    text = at.strftime(form) + (separator + at.strftime(clock) if clock else "")
    fraction = digits if clock == "%H:%M:%S" else ""
    text += ("." + fraction if fraction else "") + (told if clock else "")
    if clock in ("%H:%M", "%I:%M%p"):
        at = at.replace(second=0)
    elif not clock:
        at = at.replace(hour=0, minute=0, second=0)
    where = dt.timezone(dt.timedelta(minutes=_AHEAD.get(told, 0))) if clock and told else ZoneInfo(zone)
    wanted = ms(at.replace(tzinfo=where)) + int((fraction + "000")[:3])
    assert looks_like_time(text), text
    assert one(text, zone) == wanted, text


@given(st.text(alphabet="0123456789-/:.TZ+ JanMARpm,", max_size=30))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_time_or_none(text: str) -> None:
    if one(text) is not None:
        assert looks_like_time(text.strip(" \t"))


@pytest.mark.parametrize(
    ("pattern", "text", "value"),
    [
        ("dd.MM.yyyy HH:mm", "31.10.2023 14:05", DAY + 50700000), ("yyyy-MM-dd'T'HH:mm:ss", "2023-10-31T14:05:06", DAY + 50706000),
        ("yyyyMMddHHmmss", "20231031140506", DAY + 50706000), ("d/M/yy", "1/2/23", 1675209600000),
        ("EEE, d MMM yyyy hh:mm:ss a", "Tue, 31 Oct 2023 02:05:06 PM", DAY + 50706000), ("HH:mm", "0:05", 300000),
        ("yyyy-MM-dd HH:mm:ss.SSS", "2023-10-31 14:05:06.789", DAY + 50706789), ("yyyy MMMM d", "2023 October 31", DAY),
        ("yyyy-MM-dd HH:mm z", "2023-10-31 14:05 PST", DAY + 79500000),
        ("yyyy-MM-dd HH:mm Z", "2023-10-31 14:05 -0800", DAY + 79500000),
        ("yyyy-MM-dd HH:mm z", "2023-10-31 14:05 GMT+01:00", DAY + 47100000), ("kk 'o''clock' yyyy", "24 o'clock 1970", 0),
        ("h a", "12 AM", 0), ("dd.MM.yyyy", "2023-10-31", None), ("dd.MM.yyyy", "31.10.2023 ", DAY),
        ("dd.MM.yyyy", "30.02.2023", None),
        ("HH:mm", "14:05 ", 50700000), ("HH:mm", "14:05x", None),
    ],
)  # fmt: skip
def test_patterns_of_simple_date_format(pattern: str, text: str, value: int | None) -> None:
    data = np.array(bytearray(text.encode()), dtype=np.uint8)
    found = patterned_times(np.array([0, len(data)]), data, pattern)[0]
    assert found == (NA_INT64 if value is None else value)


def test_letters_that_mean_nothing_are_refused() -> None:
    with pytest.raises(IllegalArgumentError, match="letter 'w'"):
        compile_pattern("yyyy-ww")


@pytest.mark.parametrize(
    "lines",
    [
        ["t", "2021-03-04 05:06:07", "2021-03-05 05:06:07"], ["2021-03-04 05:06:07", "2021-03-05 05:06:07"],
        ["event time", "3/4/2021 2:05 PM", "3/4/2021 3:05 PM"], ["t", *["-"] * 30, *["2021-03-04 05:06 UTC"] * 40],
        ["# a remark of words", "t", "2021-03-04 05:06:07"],
    ],
)  # fmt: skip
def test_a_column_of_times_is_not_cut_at_its_blanks(lines: list[str]) -> None:
    found = guess_csv(("\n".join(lines) + "\n").encode(), ParseSetup())
    assert found is not None
    assert (found.number_columns, found.column_types) == (1, ("Time",))


def test_names_above_dates_and_clocks_are_two_columns() -> None:
    found = guess_csv(b"date time\n2021-03-04 05:06:07\n2021-03-05 05:06:07\n", ParseSetup())
    assert found is not None
    assert found.column_names == ("date", "time")


def test_forms_zones_and_missing_values_mix_in_a_column(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    ctx.node.dkv.put(TIME_ZONE_KEY, "America/New_York")
    texts = ["2024-01-01T00:00:00", "2024-01-01T00:00:00Z", "", "2024-07-01 00:00", "NA", "01JUL2024", "2024-07-01 00:00:00+02:00"]
    frame = load("id,t\n" + "".join(f"{i},{t}\n" for i, t in enumerate(texts * 500)), chunk_size=4096)
    assert frame.vec("t").type == "time"
    wanted = [1704085200000, 1704067200000, np.nan, 1719806400000, np.nan, 1719806400000, 1719784800000]
    np.testing.assert_array_equal(frame.vec("t").to_numpy(ctx.node), wanted * 500)
