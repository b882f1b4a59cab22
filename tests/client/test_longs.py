"""Whole numbers of 64 bits, there and back to the last digit, by every road of the client, against polars."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from h2ok import client

LEAST, MOST = -(2**63) + 1, 2**63 - 1


@pytest.fixture(scope="module")
def numbers() -> list[int]:
    """10,000 numbers from the least to the largest, a fifth of them next to where doubles end."""
    rng = random.Random(7)
    out = [rng.randint(LEAST, MOST) for _ in range(8000)]
    out += [rng.choice([2**53 + rng.randint(-3, 3), rng.randint(-3, 3) - 2**53, LEAST, MOST, 0]) for _ in range(2000)]
    rng.shuffle(out)
    return out


def as_csv(frame: Any) -> list[int]:
    return [int(line.split(",")[0]) for line in frame.get_frame_data().split("\n")[1:] if line]


def as_json(h2o: Any, frame: Any) -> list[int]:
    out: list[int] = []
    for first in range(0, frame.nrow, 2500):
        answer = h2o.api(f"GET /3/Frames/{frame.frame_id}", data={"row_offset": first, "row_count": 2500})
        out += [int(v) for v in answer["frames"][0]["columns"][0]["data"]]
    return out


def test_every_road_keeps_every_digit(h2o: Any, numbers: list[int], tmp_path: Path) -> None:
    table = pl.DataFrame({"id": numbers, "n": np.arange(len(numbers))})
    table.write_csv(tmp_path / "a.csv")
    table.write_parquet(tmp_path / "a.parquet")
    table.write_avro(tmp_path / "a.avro")
    frames = [h2o.import_file(str(tmp_path / f"a.{kind}")) for kind in ("csv", "parquet", "avro")]
    frames += [h2o.upload_file(str(tmp_path / "a.csv")), client.from_polars(table), h2o.H2OFrame({"id": numbers})]
    for frame in frames:
        assert as_csv(frame) == numbers
        assert as_json(h2o, frame) == numbers
    assert client.to_arrow(frames[0]).column("id").to_pylist() == numbers
    h2o.export_file(frames[0], str(tmp_path / "out.csv"))
    assert pl.read_csv(tmp_path / "out.csv")["id"].to_list() == numbers
    h2o.export_file(frames[0], str(tmp_path / "out"), format="parquet")
    assert pl.read_parquet(tmp_path / "out" / "part-m-00000")["id"].to_list() == numbers


def test_munging_agrees_with_polars(h2o: Any, numbers: list[int]) -> None:
    table = pl.DataFrame({"id": numbers, "n": np.arange(len(numbers))})
    frame = client.from_polars(table)
    distinct = sorted(set(numbers))
    assert as_csv(frame.sort("id")) == sorted(numbers)
    assert as_csv(frame["id"].unique()) == distinct
    groups = client.to_arrow(frame.group_by("id").count().get_frame())
    expected = table.group_by("id").len().sort("id")
    assert groups.column("id").to_pylist() == expected["id"].to_list()
    assert groups.column("nrow").to_pylist() == expected["len"].to_list()
    some = pl.DataFrame({"id": distinct[::2]})
    assert as_csv(frame.merge(client.from_polars(some))) == table.join(some, on="id").sort("id")["id"].to_list()
    assert as_csv(frame["id"].table()) == distinct
    assert frame["id"].asfactor().nlevels() == [len(distinct)]
    for value in (numbers[0], MOST, 2**53 + 1):
        assert as_csv(frame[frame["id"] == value]) == [value] * numbers.count(value)
        assert frame[frame["id"] < value].nrow == sum(v < value for v in numbers)


def test_what_64_bits_cannot_hold_is_the_nearest_double(h2o: Any) -> None:
    with pytest.warns(UserWarning, match="rounded to doubles"):
        frame = h2o.H2OFrame({"v": [2**64 - 1, 2**63, 5]})
    assert frame.get_frame_data().split()[1:] == ["1.8446744073709552E19", "9.223372036854776E18", "5.0"]
