"""SQL import: a table or a query of a database the operator allowed becomes a frame.

``H2OK_SQL_ALLOW`` holds the databases that may be asked: patterns of URLs without user, password and options, separated by
commas, such as ``postgresql://db.example.org:5432/sales,sqlite:////data/*.db``. Without it nothing is allowed. ``H2OK_SQL_DRIVERS``
names the Python drivers (``mysql=pymysql,postgresql=psycopg``); a request can name neither drivers nor driver options.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.contracts.schema import Schema, api
from h2ok.ext.parsers.arrow_frame import FrameMaker
from h2ok.ext.parsers.rows import columns_of_values
from h2ok.kernel import IllegalArgumentError, JobContext, sanitize

__all__ = ["ImportSQLTableV99", "import_sql_table"]

_ALLOW, _DRIVERS = "H2OK_SQL_ALLOW", "H2OK_SQL_DRIVERS"
_ROWS = 65536
_URL = re.compile(r"(?:jdbc:)?(?P<dialect>[a-z0-9]+)(?P<driver>\+[^:]*)?:(?P<rest>//[^?;#]*)(?P<options>[?;#].*)?\Z", re.IGNORECASE)
_QUERY = re.compile(r"\s*(select|with)\b", re.IGNORECASE)


class ImportSQLTableV99(Schema):
    """POST /99/ImportSQLTable."""

    schema_type = "Iced"
    connection_url: str = api("string", direction="INPUT", required=True, help="URL of the database, with or without 'jdbc:'.")
    table: str = api("string", "", direction="INPUT", help="Table to import.")
    select_query: str = api("string", "", direction="INPUT", help="Query to import instead of a table.")
    use_temp_table: str = api("string", direction="INPUT", help="Not needed: queries are streamed.")
    temp_table_name: str = api("string", direction="INPUT", help="Not needed: queries are streamed.")
    username: str = api("string", direction="INPUT", required=True, help="User of the database.")
    password: str = api("string", direction="INPUT", required=True, help="Password of the user.")
    columns: str = api("string", "*", direction="INPUT", help="Columns of the table, separated by commas; * for all.")
    fetch_mode: str = api("string", direction="INPUT", help="SINGLE or DISTRIBUTED; rows are always read by one connection.")
    num_chunks_hint: str = api("string", direction="INPUT", help="Number of chunks wanted; chunks have 65,536 rows.")
    exclude_fields: str = api(
        "string", "", direction="INPUT", wire_name="_exclude_fields", help="Fields to leave out of the answer."
    )


def import_sql_table(ctx: RequestContext, request: ImportSQLTableV99) -> JobV3:
    """POST /99/ImportSQLTable: start the import; the job's destination is the frame."""
    if bool(request.table) == bool(request.select_query):
        raise IllegalArgumentError("Give either table or select_query, and not both.", argument="table")
    if request.select_query:
        _check_query(request.select_query)
    source = _Source(
        _checked_url(request.connection_url, request.username, request.password),
        request.table or "",
        request.select_query or "",
        tuple(c.strip().strip('"`') for c in (request.columns or "*").split(",") if c.strip()),
    )
    dest = sanitize(f"{request.table or 'query'}_sql_to_hex")
    return JobV3.of(ctx.node.jobs.start("Import SQL Table", dest, "Frame", lambda job: source.load(job, dest)))


@dataclass(frozen=True, repr=False)
class _Source:
    """What to read; never shown, because the URL holds the password."""

    url: Any
    table: str
    query: str
    columns: tuple[str, ...]

    def load(self, job: JobContext, dest: str) -> None:
        """Read all rows into the frame ``dest``."""
        import sqlalchemy as sa

        engine = sa.create_engine(self.url, poolclass=sa.pool.NullPool)
        try:
            with engine.connect().execution_options(stream_results=True) as connection:
                result = connection.execute(self._statement(sa, connection))
                names = list(result.keys())
                maker: FrameMaker | None = None
                for rows in _batches(result):
                    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [() for _ in names]
                    maker = maker or FrameMaker(names, [_type_of(c) for c in columns])
                    maker.add(columns_of_values(columns, maker.types, len(rows)))
                    job.update(0.5, f"Read {maker.n_rows} rows")
                assert maker is not None
                maker.store(job.node, dest)
        except sa.exc.SQLAlchemyError as e:
            raise IllegalArgumentError(f"The database answered: {_without_url(e)}") from e
        finally:
            engine.dispose()

    def _statement(self, sa: Any, connection: Any) -> Any:
        if self.query:
            return sa.text(self.query)
        schema, _, name = self.table.rpartition(".")
        inspector = sa.inspect(connection)
        known = [*inspector.get_table_names(schema=schema or None), *inspector.get_view_names(schema=schema or None)]
        if name not in known:
            raise IllegalArgumentError(
                f"There is no table '{self.table}'. Tables: {', '.join(known[:20]) or 'none'}.", argument="table"
            )
        there = [c["name"] for c in inspector.get_columns(name, schema=schema or None)]
        wanted = there if self.columns in ((), ("*",)) else list(self.columns)
        missing = [c for c in wanted if c not in there]
        if missing:
            raise IllegalArgumentError(
                f"Table '{self.table}' has no column '{missing[0]}'. Columns: {', '.join(there[:50])}.", argument="columns"
            )
        table = sa.table(name, *(sa.column(c) for c in wanted), schema=schema or None)
        return sa.select(*(table.c[c] for c in wanted))


def _batches(result: Any) -> Iterator[list[Any]]:
    """Rows in runs of a chunk; at least one run, which may be empty."""
    rows = result.fetchmany(_ROWS)
    yield rows
    while rows and (rows := result.fetchmany(_ROWS)):
        yield rows


def _type_of(values: Any) -> str:
    import datetime as dt

    first = next((v for v in values if v is not None), None)
    if isinstance(first, (dt.date, dt.datetime)):
        return "Time"
    return "String" if isinstance(first, (str, bytes)) or (first is not None and not hasattr(first, "__float__")) else "Numeric"


def _checked_url(text: str, user: str, password: str) -> Any:
    """The URL for the database library.

    Raises
    ------
    IllegalArgumentError
        It names a driver or options, or the operator does not allow it.
    """
    try:
        import sqlalchemy as sa
    except ImportError as e:
        raise IllegalArgumentError("SQL import needs the package sqlalchemy: pip install h2ok-parsers[sql], and a driver.") from e
    found = _URL.match(text or "")
    if found is None:
        raise IllegalArgumentError(
            "connection_url must look like postgresql://host:5432/database; got something else.", argument="connection_url"
        )
    if found["driver"] or found["options"] or "@" in found["rest"]:
        raise IllegalArgumentError(
            "connection_url may hold no driver, options, user or password. The operator names drivers in H2OK_SQL_DRIVERS; "
            "user and password have parameters of their own.",
            argument="connection_url",
        )
    dialect = {"postgres": "postgresql", "sqlserver": "mssql"}.get(found["dialect"].lower(), found["dialect"].lower())
    plain = f"{dialect}:{found['rest']}"
    allowed = [p.strip() for p in os.environ.get(_ALLOW, "").split(",") if p.strip()]
    if ".." in plain or not any(fnmatchcase(plain, p) for p in allowed):
        raise IllegalArgumentError(
            f"The database {plain} is not allowed. The operator of the server lists the databases in {_ALLOW}.",
            argument="connection_url",
        )
    drivers = dict(d.strip().split("=", 1) for d in os.environ.get(_DRIVERS, "").split(",") if "=" in d)
    name = f"{dialect}+{drivers[dialect]}" if dialect in drivers else dialect
    try:
        url = sa.engine.make_url(f"{name}:{found['rest']}")
        return url if dialect == "sqlite" else url.set(username=user or None, password=password or None)
    except sa.exc.ArgumentError as e:
        raise IllegalArgumentError(f"connection_url cannot be read: {_without_url(e)}", argument="connection_url") from e


def _check_query(query: str) -> None:
    """Refuse what is no single reading statement; what the account may read is the database's own affair.

    Raises
    ------
    IllegalArgumentError
        It begins with something else than SELECT or WITH, or holds a semicolon.
    """
    if not _QUERY.match(query) or ";" in query.rstrip().rstrip(";"):
        raise IllegalArgumentError("select_query must be one statement that begins with SELECT or WITH.", argument="select_query")


def _without_url(error: Exception) -> str:
    """The first line of an error, shortened; credentials that a driver repeats are cut out."""
    return re.sub(r"//[^@\s]*@", "//***@", str(error).split("\n", 1)[0])[:500]
