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
        obj.isolation_level,
        getattr(obj, "autocommit", None),  # Python 3.12
        _sqlite_converters(obj),
    )


def _plain_cursor(connection: Any) -> Any:
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor


def _sqlite_functions(connection: Any) -> set[tuple[str, ...]]:
    """Functions and collations of SQL that a connection has besides the built-in ones."""
    cursor = _plain_cursor(connection)
    found: set[tuple[str, ...]] = set()
    try:
        for name, inner in cursor.execute("SELECT name, builtin FROM pragma_function_list").fetchall():
            if not inner:
                found.add(("function", _text(name)))
        for (name,) in cursor.execute("SELECT name FROM pragma_collation_list").fetchall():
            found.add(("collation", _text(name)))
    except Exception:  # an old SQLite that cannot list them
        pass
    cursor.close()
    return found


_usual_functions: set[tuple[str, ...]] = set()


def _refuse_functions(connection: Any) -> None:
    """Refuse a connection with functions written in Python: SQLite does not give them back."""
    if not _usual_functions:
        import sqlite3

        fresh = sqlite3.connect(":memory:")
        _usual_functions.update(_sqlite_functions(fresh))
        # What SQLAlchemy gives to each of its connections.
        _usual_functions.update((("function", "regexp"), ("function", "floor")))
        fresh.close()
    others = sorted(_sqlite_functions(connection) - _usual_functions)
    if others:
        raise _refuse(connection, "its {} {} cannot be compared".format(*others[0]))


def _sqlite_converters(connection: Any) -> Any:
    """Which of the columns it converts, and the project's converters if it does.

    A connection does not tell how it was made, so it is tried: `TEXT` is what SQLite declares the columns of its
    own tables to be. Whoever else meets the converter on trial is given what he would get without it.
    """
    import sqlite3

    from .given import holds_ours

    called: list[bytes] = []

    def on_trial(data: bytes) -> str:
        called.append(data)
        return data.decode("utf-8", "surrogateescape")

    converters = sqlite3.converters
    ours = [(name, function) for name, function in converters.items() if holds_ours(function)]
    cursor = _plain_cursor(connection)
    found = []
    for name, question in (("DEVSTASH", "SELECT 'a' AS \"a [devstash]\""), ("TEXT", "SELECT name FROM sqlite_master")):
        before = converters.get(name)
        converters[name] = on_trial
        called.clear()
        try:
            cursor.execute(question + " LIMIT 1").fetchall()
        except Exception:  # the database cannot be read, which the call will find out too
            pass
        finally:
            if before is None:
                converters.pop(name, None)
            else:
                converters[name] = before
        found.append(bool(called))
    cursor.close()
    return found, ours if any(found) else None


def _sqlite_contents(connection: Any) -> list[Any]:
    _refuse_functions(connection)
    cursor = _plain_cursor(connection)
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
    return "engine", (_database(obj, None), dict(obj.get_execution_options()), _manner(obj))


def _connection(encoder: Encoder, obj: Any) -> tuple[str, Any]:
    return "connection", (_database(obj.engine, obj), dict(obj.get_execution_options()), _manner(obj.engine))


# What a driver is told besides where to go, and that does not change what comes back.
_WAITING = frozenset(("connect_timeout", "timeout", "application_name", "check_same_thread", "context"))


def _manner(engine: Any) -> Any:
    """How an engine connects and converts: what the driver is told, functions and listeners of the project's."""
    from .given import holds_ours

    creator: Any = getattr(engine.pool, "_creator", None)
    told: Any = creator
    if getattr(creator, "__qualname__", "") == "create_engine.<locals>.connect":
        cells = dict(zip(creator.__code__.co_freevars, creator.__closure__ or ()))
        held = cells["cparams"].cell_contents if "cparams" in cells else {}
        told = [
            (name, value)
            for name, value in public(held.items())
            if name not in _WAITING and not name.startswith("keepalives")
        ]
    dialect = engine.dialect
    functions = [getattr(dialect, name, None) for name in ("_json_serializer", "_json_deserializer")]
    listeners = []
    for place in (engine.dispatch, engine.pool.dispatch, dialect.dispatch):
        for name in sorted(getattr(place, "_event_names", ())):
            listeners += [(name, function) for function in getattr(place, name) if holds_ours(function)]
    return told, getattr(dialect, "_on_connect_isolation_level", None), functions, listeners


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
