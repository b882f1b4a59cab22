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
    assert [v.type for v in frame.vecs] == ["numeric", "numeric", "string", "numeric", "time"]
    assert frame.vecs[4].to_numpy(shared.node)[0] == 1704153600000
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
        ("postgresql://db:5432/x%3Fsslmode=disable", "not allowed"),
        ("postgresql://d%62:5432/x", "names no server"),
        ("sqlite://host/shop.db", "three slashes"),
        ("sqlite://", "not allowed"),
        ("sqlite:///:memory:", "not allowed"),
    ],
)
def test_only_allowed_databases_are_asked(web: Client, url: str, given: str, text: str) -> None:
    answer = web.post("/99/ImportSQLTable", expect=412, connection_url=given, username="u", password="p", table="t")
    assert text in answer["msg"]
    assert "secret" not in answer["msg"]


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database beside the folder ``data``, whose databases are allowed."""
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("H2OK_SQL_ALLOW", f"sqlite:///{tmp_path}/data/*.db")
    path = tmp_path / "outside.db"
    database(path, "create table t (x integer)", "insert into t values (1)")
    return path


def database(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as db:
        for statement in statements:
            db.execute(statement)
    db.close()


@pytest.mark.parametrize("name", ["..%2Foutside.db", "%2e%2e/outside.db", "../outside.db", "link.db", "folder/outside.db"])
def test_what_would_be_opened_is_compared_with_what_is_allowed(web: Client, outside: Path, name: str) -> None:
    data = outside.parent / "data"
    (data / "link.db").symlink_to(outside)
    (data / "folder").symlink_to(outside.parent)
    answer = web.post(
        "/99/ImportSQLTable", expect=412, connection_url=f"sqlite:///{data}/{name}", username="", password="", table="t"
    )
    assert "not allowed" in answer["msg"]


@pytest.mark.parametrize(("name", "text"), [("a b.db", "a%20b.db"), ("100%.db", "100%25.db"), ("100%25.db", "100%2525.db")])
def test_a_name_means_the_same_file_to_every_version_of_the_library(
    shared: Runtime, web: Client, outside: Path, name: str, text: str
) -> None:
    database(outside.parent / "data" / name, "create table t (x integer)", "insert into t values (7)")
    assert load(web, f"sqlite:///{outside.parent}/data/{text}", table="t")["status"] == "DONE"
    assert shared.node.frames.get("t_sql_to_hex").vec("x").to_numpy(shared.node).tolist() == [7]


def test_folders_that_the_operator_allows_may_be_links(
    shared: Runtime, web: Client, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (outside.parent / "alias").symlink_to(outside.parent / "data")
    database(outside.parent / "data" / "t.db", "create table t (x integer)")
    monkeypatch.setenv("H2OK_SQL_ALLOW", f"sqlite:///{outside.parent}/alias/*.db")
    assert load(web, f"sqlite:///{outside.parent}/alias/t.db", table="t")["status"] == "DONE"


def test_databases_that_are_not_there_are_not_made(web: Client, outside: Path) -> None:
    url = f"sqlite:///{outside.parent}/data/new.db"
    answer = web.post("/99/ImportSQLTable", expect=412, connection_url=url, username="", password="", table="t")
    assert "names no file" in answer["msg"]
    assert not (outside.parent / "data" / "new.db").exists()


def cells(shared: Runtime, key: str) -> dict[str, tuple[str, list[object]]]:
    out: dict[str, tuple[str, list[object]]] = {}
    frame = shared.node.frames.get(key)
    for name, vec in zip(frame.names, frame.vecs, strict=True):
        number = vec.type in ("numeric", "time")
        values = vec.to_numpy(shared.node).tolist() if number else vec.to_strings(shared.node)
        out[name] = (vec.type, [None if v != v else v for v in values])
    return out


def test_declared_dates_and_times_are_times(shared: Runtime, web: Client, url: str) -> None:
    database(
        Path(url.removeprefix("sqlite:///")),
        "create table w (d date, ts timestamp, t time, b boolean, n numeric(10, 2), s text, none text)",
        "insert into w values ('2024-01-02', '2024-01-02 03:04:05.678901', '03:04:05.678901', 1, 1.5, 'x', null)",
        "insert into w values (null, null, null, null, null, null, null)",
    )
    assert load(web, url, table="w")["status"] == "DONE"
    assert cells(shared, "w_sql_to_hex") == {
        "d": ("time", [1704153600000, None]),
        "ts": ("time", [1704164645678, None]),
        "t": ("numeric", [11045678, None]),
        "b": ("numeric", [1, None]),
        "n": ("numeric", [1.5, None]),
        "s": ("string", ["x", None]),
        "none": ("string", [None, None]),
    }


def test_dates_that_are_none_are_read_as_they_are(shared: Runtime, web: Client, url: str) -> None:
    database(
        Path(url.removeprefix("sqlite:///")), "create table odd (d date, x int)", "insert into odd values ('soon', 1)",
        "insert into odd values ('2024-01-02', 2)",
    )  # fmt: skip
    assert load(web, url, table="odd")["status"] == "DONE"
    assert cells(shared, "odd_sql_to_hex") == {"d": ("string", ["soon", "2024-01-02"]), "x": ("numeric", [1, 2])}


def test_a_library_that_cannot_tell_columns_is_asked_for_all(
    shared: Runtime, web: Client, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlalchemy

    def fails(*_: object, **__: object) -> None:
        raise sqlalchemy.exc.ProgrammingError("select", {}, Exception("there is no catalog"))

    monkeypatch.setattr(sqlalchemy.engine.reflection.Inspector, "get_columns", fails)
    assert load(web, url, table="sales")["status"] == "DONE"
    assert shared.node.frames.get("sales_sql_to_hex").n_cols == 5
    load(web, url, table="sales", columns="name, id")
    assert shared.node.frames.get("sales_sql_to_hex").names == ("name", "id")


def test_long_numbers_are_exact(shared: Runtime, web: Client, url: str) -> None:
    values = [2**53 + 1, 2**63 - 1, -(2**63) + 1]
    job = load(web, url, select_query=" union all ".join(f"select {v} as x" for v in values))
    assert job["status"] == "DONE", job
    assert shared.node.frames.get("query_sql_to_hex").vec("x").chunk(shared.node, 0).int64().tolist() == values


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
