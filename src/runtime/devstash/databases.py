"""Connections to databases by what they lead to.

A server is told by driver, host, port, user and database, without the password. An SQLite database is data
on this machine: its contents count, so that a changed row is another key, be it in a file, in memory or not
yet committed.
"""

from __future__ import annotations

from _blake2 import blake2b

from .clients import extras, public
from .contents import digest_of_file
from .encode import DIGEST, Encoder, Unkeyable, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Describer = Callable[[Encoder, Any], tuple[str, Any]]


def find(base: type) -> Describer | None:
    """The function that describes objects of the class `base`, if it is known here."""
    top = (base.__module__ or "").partition(".")[0]
    return _KNOWN.get(f"{top}.{base.__qualname__}")


def _refuse(obj: Any, why: str) -> Unkeyable:
    return Unkeyable("", type_name(type(obj)), why)


# --- SQLite -----------------------------------------------------------------------------------------------


def _sqlite(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "sqlite " + encoder.type_name(type(obj)), (
        _sqlite_contents(obj),
        obj.row_factory,
        obj.text_factory,
    )


def _sqlite_contents(connection: Any) -> list[Any]:
    cursor = connection.cursor()
    cursor.row_factory = None
    cursor.execute("PRAGMA database_list")
    listed = [(_text(name), _text(file)) for _, name, file in cursor.fetchall()]
    found: list[Any] = []
    for name, file in sorted(listed):
        if file and not connection.in_transaction:
            found.append((name, digest_of_file(file), digest_of_file(file + "-wal")))
            continue
        quoted = name.replace('"', '""')
        cursor.execute(f'PRAGMA "{quoted}".page_count')
        if not cursor.fetchone()[0]:
            found.append((name, "empty"))
        elif hasattr(connection, "serialize"):  # Python 3.11
            found.append((name, blake2b(connection.serialize(name=name), digest_size=DIGEST).digest()))
        elif name == "main":
            hasher = blake2b(digest_size=DIGEST)
            for statement in connection.iterdump():
                hasher.update(statement.encode("utf-8", "surrogatepass") + b"\0")
            found.append((name, hasher.digest()))
        else:
            raise _refuse(connection, f"what the database {name} holds cannot be read")
    cursor.close()
    return found


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


def _cursor(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    raise _refuse(obj, "its rows are used up by the call")


# --- SQLAlchemy -------------------------------------------------------------------------------------------


def _engine(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "engine", (_database(obj, None), dict(obj.get_execution_options()))


def _connection(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "connection", (_database(obj.engine, obj), dict(obj.get_execution_options()))


def _async(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    inner = getattr(obj, "sync_engine", None) if hasattr(obj, "sync_engine") else obj.sync_connection
    return "async", (inner,)


def _database(engine: Any, connection: Any) -> Any:
    url = engine.url
    if url.get_backend_name() == "sqlite" and url.get_driver_name() == "pysqlite":
        if connection is not None:
            return _sqlite_contents(connection.connection.driver_connection)
        if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
            return digest_of_file(url.database), digest_of_file(url.database + "-wal")
        borrowed = engine.raw_connection()
        try:
            return _sqlite_contents(borrowed.driver_connection)
        finally:
            borrowed.close()
    return url.drivername, url.username, url.host, url.port, url.database, public(url.query.items())


def _orm_session(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    if obj.new or obj.dirty or obj.deleted:
        raise _refuse(obj, "it holds changes that are not flushed")
    return "session", (obj.connection() if obj.in_transaction() else obj.get_bind(), extras(obj))


def _async_session(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "session", (obj.sync_session,)


def _clause(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    if getattr(obj, "_with_options", ()):
        raise _refuse(obj, "a statement with loader options is not compared yet")
    compiled = obj.compile()
    return "statement " + encoder.type_name(type(obj)), (str(compiled), dict(compiled.params))


def _table(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    columns = [
        (column.name, str(column.type), bool(column.nullable), bool(column.primary_key)) for column in obj.columns
    ]
    return "table", (str(obj.key), columns)


def _metadata(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "metadata", [obj.tables[name] for name in sorted(obj.tables)]


def _mapped_attribute(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "mapped attribute", (obj.key, type_name(obj.class_))


def _url(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "url", (obj.drivername, obj.username, obj.host, obj.port, obj.database, public(obj.query.items()))


def _bookkeeping(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "plumbing", type_name(type(obj))


# --- PostgreSQL -------------------------------------------------------------------------------------------


def _psycopg(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    info = obj.info
    return "postgres", (info.host, info.port, info.dbname, info.user, info.options)


def _psycopg2(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    settings = obj.get_dsn_parameters()
    return "postgres", [(name, settings.get(name)) for name in ("host", "port", "dbname", "user", "options")]


_KNOWN: dict[str, Describer] = {
    "sqlite3.Connection": _sqlite,
    "sqlite3.Cursor": _cursor,
    "sqlalchemy.Engine": _engine,
    "sqlalchemy.Connection": _connection,
    "sqlalchemy.AsyncEngine": _async,
    "sqlalchemy.AsyncConnection": _async,
    "sqlalchemy.Session": _orm_session,
    "sqlalchemy.AsyncSession": _async_session,
    "sqlalchemy.Table": _table,
    "sqlalchemy.ClauseElement": _clause,
    "sqlalchemy.MetaData": _metadata,
    "sqlalchemy.QueryableAttribute": _mapped_attribute,
    "sqlalchemy.URL": _url,
    "sqlalchemy.InstanceState": _bookkeeping,
    "sqlalchemy.ClassManager": _bookkeeping,
    "sqlalchemy.Mapper": _bookkeeping,
    "sqlalchemy.registry": _bookkeeping,
    "sqlalchemy.Pool": _bookkeeping,
    "psycopg.BaseConnection": _psycopg,
    "psycopg2.connection": _psycopg2,
}
