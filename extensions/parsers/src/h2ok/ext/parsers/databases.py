"""Databases that SQL import may ask.

``H2OK_SQL_ALLOW`` lists them: patterns of URLs without user, password and options, separated by commas, such as
``postgresql://db.example.org:5432/sales,sqlite:////data/*.db``. Without it nothing is allowed. ``H2OK_SQL_DRIVERS`` names Python
drivers (``mysql=pymysql,postgresql=psycopg``); a request can name neither drivers nor driver options.

SECURITY: compared is what will be opened - names decoded, and for files the path without links -, and the same is handed to the
database library: its versions differ in what they decode of a text.
"""

from __future__ import annotations

import glob
import os
import re
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

from h2ok.kernel import IllegalArgumentError

__all__ = ["checked_url", "without_url"]

_ALLOW, _DRIVERS = "H2OK_SQL_ALLOW", "H2OK_SQL_DRIVERS"
_URL = re.compile(
    r"(?:jdbc:)?(?P<dialect>[a-z0-9]+)(?P<driver>\+[^:]*)?:(?P<rest>//(?P<server>[^/?;#]*)(?P<path>/[^?;#]*)?)(?P<options>[?;#].*)?\Z",
    re.IGNORECASE | re.DOTALL,
)
_SERVER = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[\w.-]*)(?::(?P<port>[0-9]{1,5}))?\Z", re.IGNORECASE | re.ASCII)
#: What no name of a database holds, and what would be options or another server to some driver.
_FORBIDDEN = re.compile(r"[\x00-\x1f?#;&=@]|\.\.|//")
#: Dialects whose database is a file, or lives in memory.
_FILES, _MEMORY = ("sqlite", "duckdb"), ("", ":memory:")


def checked_url(text: str, user: str, password: str) -> Any:
    """The URL for the database library.

    Raises
    ------
    IllegalArgumentError
        It names a driver or options, the operator does not allow it, or there is no such file.
    """
    try:
        import sqlalchemy as sa
    except ImportError as e:
        raise IllegalArgumentError(
            'SQL import needs the package sqlalchemy on this node, and a driver: pip install "sqlalchemy>=2.0.58,<2.2".'
        ) from e
    found = _URL.match(text or "")
    if found is None:
        raise _refused("must look like postgresql://host:5432/database; got something else.")
    if found["driver"] or found["options"] or "@" in found["rest"]:
        raise _refused(
            "may hold no driver, options, user or password. The operator names drivers in H2OK_SQL_DRIVERS; user and password have "
            "parameters of their own."
        )
    dialect = {"postgres": "postgresql", "sqlserver": "mssql"}.get(found["dialect"].lower(), found["dialect"].lower())
    database = unquote((found["path"] or "/")[1:], errors="surrogateescape")
    drivers = dict(d.strip().split("=", 1) for d in os.environ.get(_DRIVERS, "").split(",") if "=" in d)
    name = f"{dialect}+{drivers[dialect]}" if dialect in drivers else dialect
    if dialect in _FILES:
        if found["server"]:
            raise _refused(f"of {dialect} has three slashes before the path, and four before one from the root.")
        return sa.URL.create(name, database=_checked_file(dialect, database))
    server = _SERVER.match(found["server"])
    if server is None:
        raise _refused("names no server that can be read: a host, and a port where need be, were expected.")
    plain = f"{dialect}://{found['server']}/{database}"
    if _FORBIDDEN.search(database) or not any(fnmatchcase(plain, p) for p in _patterns()):
        raise _not_allowed(plain)
    host, port = server["host"].strip("[]"), int(server["port"]) if server["port"] else None
    return sa.URL.create(name, user or None, password or None, host or None, port, database or None)


def without_url(error: Exception) -> str:
    """The first line of an error, shortened; credentials that a driver repeats are cut out."""
    return re.sub(r"//[^@\s]*@", "//***@", str(error).split("\n", 1)[0])[:500]


def _checked_file(dialect: str, path: str) -> str:
    """The path of a database file without links, or ``:memory:``."""
    prefix = f"{dialect}:///"
    if path in _MEMORY:
        if f"{prefix}:memory:" not in _patterns():
            raise _not_allowed(f"{prefix}:memory:")
        return ":memory:"
    if "\0" in path:
        raise _not_allowed(f"{prefix}{path!r}")
    opened = os.path.realpath(path)
    if not any(fnmatchcase(opened, _pattern_of_files(p[len(prefix) :])) for p in _patterns() if p.startswith(prefix)):
        raise _not_allowed(f"{prefix}{path}")
    if not os.path.isfile(opened):
        raise _refused(f"names no file: there is no database {path} on the machine of the server.")
    return opened


def _pattern_of_files(pattern: str) -> str:
    """A pattern of paths, its folders without links up to the first part with a sign of a pattern."""
    first = re.search(r"[*?\[]", pattern)
    if first is None:
        return glob.escape(os.path.realpath(pattern))
    head, _, tail = pattern[: first.start()].rpartition("/")
    folder = os.path.realpath(head + "/" if pattern.startswith("/") else head or ".")
    return glob.escape(folder.rstrip("/")) + "/" + tail + pattern[first.start() :]


def _patterns() -> list[str]:
    return [p.strip() for p in os.environ.get(_ALLOW, "").split(",") if p.strip()]


def _refused(why: str) -> IllegalArgumentError:
    return IllegalArgumentError(f"connection_url {why}", argument="connection_url")


def _not_allowed(plain: str) -> IllegalArgumentError:
    shown = plain.encode("utf-8", "replace").decode()[:500]
    return IllegalArgumentError(
        f"The database {shown} is not allowed. The operator of the server lists the databases in {_ALLOW}.",
        argument="connection_url",
    )
