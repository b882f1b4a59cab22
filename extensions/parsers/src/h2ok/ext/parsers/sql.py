"""SQL import: a table or a query of a database the operator allowed becomes a frame.

Which databases may be asked is said in ``databases``.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.contracts.schema import Schema, api
from h2ok.ext.parsers.arrow_frame import FrameMaker
from h2ok.ext.parsers.databases import checked_url, without_url
from h2ok.ext.parsers.rows import columns_of_values, pass_int64
from h2ok.kernel import IllegalArgumentError, JobContext, sanitize

__all__ = ["ImportSQLTableV99", "import_sql_table"]

_ROWS = 65536
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
        checked_url(request.connection_url, request.username, request.password),
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
                columns = () if self.query else self._columns(sa, connection)
                try:
                    self._read(job, connection, self._statement(sa, columns), dest, columns)
                except (ValueError, TypeError) as e:
                    # Some databases keep anything in a column, whatever its type says.
                    if isinstance(e, IllegalArgumentError) or not any(c.type is not None for c in columns):
                        raise
                    plain = tuple(_Column(c.name) for c in columns)
                    self._read(job, connection, self._statement(sa, plain), dest, plain)
        except sa.exc.SQLAlchemyError as e:
            raise IllegalArgumentError(f"The database answered: {without_url(e)}") from e
        finally:
            engine.dispose()

    def _read(self, job: JobContext, connection: Any, statement: Any, dest: str, declared: Sequence[_Column]) -> None:
        result = connection.execute(statement)
        names = list(result.keys())
        kinds = [c.kind for c in declared] if len(declared) == len(names) else [""] * len(names)
        maker: FrameMaker | None = None
        wide: set[str] = set()
        for rows in _batches(result):
            columns: list[Any] = list(zip(*rows, strict=True)) if rows else [() for _ in names]
            maker = maker or FrameMaker(names, [_type_of(c) or k or "Numeric" for c, k in zip(columns, kinds, strict=True)])
            maker.add(columns_of_values(columns, maker.types, len(rows)))
            wide.update(n for n, c, t in zip(names, columns, maker.types, strict=True) if t == "Numeric" and pass_int64(c))
            job.update(0.5, f"Read {maker.n_rows} rows")
        assert maker is not None
        maker.store(job.node, dest)
        for name in sorted(wide):
            job.warn(
                f"Column '{name}' holds whole numbers beyond 64 bits, which are kept as the nearest doubles. To keep all digits "
                "cast it to text in a query."
            )

    def _columns(self, sa: Any, connection: Any) -> tuple[_Column, ...]:
        """The wanted columns of the table; none when the database does not tell which there are and all are wanted."""
        schema, _, name = self.table.rpartition(".")
        inspector = sa.inspect(connection)
        known = [*inspector.get_table_names(schema=schema or None), *inspector.get_view_names(schema=schema or None)]
        if name not in known:
            raise IllegalArgumentError(
                f"There is no table '{self.table}'. Tables: {', '.join(known[:20]) or 'none'}.", argument="table"
            )
        try:
            there = {c["name"]: c["type"] for c in inspector.get_columns(name, schema=schema or None)}
        except Exception:  # dialects of others, and what their database lacks; the statement says what is wrong with a name
            return () if self._wants_all() else tuple(_Column(c) for c in self.columns)
        wanted = list(there) if self._wants_all() else list(self.columns)
        missing = [c for c in wanted if c not in there]
        if missing:
            raise IllegalArgumentError(
                f"Table '{self.table}' has no column '{missing[0]}'. Columns: {', '.join(list(there)[:50])}.", argument="columns"
            )
        return tuple(_Column.declared(sa, c, there[c]) for c in wanted)

    def _wants_all(self) -> bool:
        return self.columns in ((), ("*",))

    def _statement(self, sa: Any, columns: Sequence[_Column]) -> Any:
        if self.query:
            return sa.text(self.query)
        schema, _, name = self.table.rpartition(".")
        if not columns:
            return sa.select(sa.text("*")).select_from(sa.table(name, schema=schema or None))
        table = sa.table(name, *(sa.column(c.name, c.type) for c in columns), schema=schema or None)
        return sa.select(*(table.c[c.name] for c in columns))


@dataclass(frozen=True)
class _Column:
    """``type``: that of a date or time, which the library then makes of text; None to take what the database gives.
    ``kind``: type of ParseSetup where no value tells.
    """

    name: str
    type: Any = None
    kind: str = ""

    @classmethod
    def declared(cls, sa: Any, name: str, kind: Any) -> _Column:
        """A column as the database declares it."""
        if isinstance(kind, (sa.Date, sa.DateTime)):
            return cls(name, kind, "Time")
        if isinstance(kind, sa.Time):
            return cls(name, kind, "Numeric")
        return cls(name, None, "String" if isinstance(kind, sa.String) else "")


def _batches(result: Any) -> Iterator[list[Any]]:
    """Rows in runs of a chunk; at least one run, which may be empty."""
    rows = result.fetchmany(_ROWS)
    yield rows
    while rows and (rows := result.fetchmany(_ROWS)):
        yield rows


def _type_of(values: Any) -> str:
    """The type of ParseSetup that the first value tells; nothing when there is none."""
    first = next((v for v in values if v is not None), None)
    if first is None:
        return ""
    if isinstance(first, dt.date):
        return "Time"
    if isinstance(first, uuid.UUID):
        return "UUID"
    if isinstance(first, (dt.time, dt.timedelta)):
        return "Numeric"
    return "String" if isinstance(first, (str, bytes)) or not hasattr(first, "__float__") else "Numeric"


def _check_query(query: str) -> None:
    """Refuse what is no single reading statement; what the account may read is the database's own affair.

    Raises
    ------
    IllegalArgumentError
        It begins with something else than SELECT or WITH, or holds a semicolon.
    """
    if not _QUERY.match(query) or ";" in query.rstrip().rstrip(";"):
        raise IllegalArgumentError("select_query must be one statement that begins with SELECT or WITH.", argument="select_query")
