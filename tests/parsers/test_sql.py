"""SQL import: types, allow-list, and what must not come through the wire."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime


@pytest.fixture(scope="module")
def shared() -> Iterator[Runtime]:
    with local_runtime(only=("rest", "parsers")) as made:
        yield made


@pytest.fixture
def web(shared: Runtime) -> Iterator[Client]:
    client = Client.of(shared)
    yield client
    client.delete("/3/DKV")
    assert not [k for k in shared.node.dkv.local_keys() if not k.startswith("$job")]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as db:
        db.execute('create table sales (id integer, price real, name text, "odd ""name" integer, day date)')
        db.execute("create view dear as select * from sales where price > 100")
        rows = [(i, i / 4 if i % 5 else None, f"n{i}" if i % 3 else None, -i, "2024-01-02") for i in range(1000)]
        db.executemany("insert into sales values (?, ?, ?, ?, ?)", rows)
    db.close()
    monkeypatch.setenv("H2OK_SQL_ALLOW", f"postgresql://db:5432/x, sqlite:///{tmp_path}/*.db")
    return f"sqlite:///{path}"


def load(web: Client, url: str, **fields: str) -> dict[str, object]:
    answer = web.post("/99/ImportSQLTable", connection_url=url, username="u", password="p", **fields)
    job: dict[str, object] = web.job(answer)
    return job


def test_a_table_becomes_a_frame(shared: Runtime, web: Client, url: str) -> None:
    job = load(web, url, table="sales")
    assert job["status"] == "DONE", job
    assert job["dest"]["name"] == "sales_sql_to_hex"  # type: ignore[index]
    frame = shared.node.frames.get("sales_sql_to_hex")
    assert frame.names == ("id", "price", "name", 'odd "name', "day")
    assert [v.type for v in frame.vecs] == ["numeric", "numeric", "string", "numeric", "string"]
    price = frame.vecs[1].to_numpy(shared.node)
    np.testing.assert_array_equal(np.isnan(price), np.arange(1000) % 5 == 0)
    assert price[7] == 7 / 4
    assert frame.vecs[2].to_strings(shared.node)[:4] == [None, "n1", "n2", None]


def test_columns_views_and_queries(shared: Runtime, web: Client, url: str) -> None:
    load(web, "jdbc:" + url, table="sales", columns="name, id")
    assert shared.node.frames.get("sales_sql_to_hex").names == ("name", "id")
    load(web, url, table="dear")
    assert shared.node.frames.get("dear_sql_to_hex").n_rows < 1000
    load(web, url, select_query="select id * 2 as twice from sales where id < 10")
    frame = shared.node.frames.get("query_sql_to_hex")
    assert frame.names == ("twice",)
    np.testing.assert_array_equal(frame.vecs[0].to_numpy(shared.node), np.arange(10) * 2)


def test_an_empty_answer_is_a_frame_without_rows(shared: Runtime, web: Client, url: str) -> None:
    assert load(web, url, select_query="select id from sales where id < 0")["status"] == "DONE"
    assert shared.node.frames.get("query_sql_to_hex").n_rows == 0


@pytest.mark.parametrize(
    ("fields", "text"),
    [({"table": "nothing"}, "no table 'nothing'"), ({"table": "sales", "columns": "x"}, "no column 'x'"),
     ({"select_query": "select nope from sales"}, "The database answered")],
)  # fmt: skip
def test_what_the_database_lacks_is_named(web: Client, url: str, fields: dict[str, str], text: str) -> None:
    job = load(web, url, **fields)
    assert job["status"] == "FAILED"
    assert text in str(job["exception"])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("sqlite:////etc/passwd", "not allowed"),
        ("mysql://db/x", "not allowed"),
        ("postgresql+evil://db:5432/x", "may hold no driver"),
        ("postgresql://db:5432/x?sslmode=disable", "may hold no driver"),
        ("postgresql://u:secret@db:5432/x", "may hold no driver"),
        ("postgresql://db:5432/../x", "not allowed"),
        ("no url", "must look like"),
    ],
)
def test_only_allowed_databases_are_asked(web: Client, url: str, given: str, text: str) -> None:
    answer = web.post("/99/ImportSQLTable", expect=412, connection_url=given, username="u", password="p", table="t")
    assert text in answer["msg"]
    assert "secret" not in answer["msg"]


@pytest.mark.parametrize("query", ["drop table sales", "select 1; drop table sales", "  update sales set id = 1"])
def test_only_reading_statements_pass(web: Client, url: str, query: str) -> None:
    answer = web.post("/99/ImportSQLTable", expect=412, connection_url=url, username="u", password="p", select_query=query)
    assert "SELECT or WITH" in answer["msg"]


def test_nothing_is_allowed_without_a_list(web: Client, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("H2OK_SQL_ALLOW")
    answer = web.post("/99/ImportSQLTable", expect=412, connection_url=url, username="", password="", table="sales")
    assert "H2OK_SQL_ALLOW" in answer["msg"]


def test_decryption_is_answered(web: Client) -> None:
    assert "Decrypt the file before" in web.post("/3/DecryptionSetup", expect=412, keystore_id="k", password="p")["msg"]
