"""Streaming responses of httpx, openai, anthropic and the other packages made by the same generator.

The script keeps the object that the package made; only the source of bytes inside of it is wrapped. What is stored is
the bytes as they came from the network, chunk by chunk. On a hit an object of the same class is made around these
bytes, without a network, and the package's own code decodes and parses them once more. So text, lines, events, raw
bytes and headers are what they were, whichever of them the script asks for.

Credentials are left out of what is stored; on a hit they are those of the client at hand.
"""

from __future__ import annotations

import sys
from _pickle import dumps, loads
from time import perf_counter

from .clients import is_credential
from .signals import let_through
from .streams import LIMIT, _without_us, through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Any

    from .streams import Session

_MANAGERS = ("_GeneratorContextManager", "_AsyncGeneratorContextManager")


def kind(result: Any) -> str | None:
    """What kind of stream an object of one of these packages is, or None when it is none."""
    of = type(result)
    name, module = of.__name__, of.__module__
    if name == "Response" and _package(module):
        held = vars(result)
        read = "_content" in held or held.get("is_closed") or held.get("is_stream_consumed")
        return None if read or "stream" not in held else "httpx.Response"
    if module == "contextlib" and name in _MANAGERS:
        generator = result.gen
        frame = getattr(generator, "gi_frame", None) or getattr(generator, "ag_frame", None)
        if frame is None or frame.f_code.co_name != "stream":
            return None
        return "httpx.stream" if _package(frame.f_globals.get("__name__", "")) else None
    if name in ("Stream", "AsyncStream"):
        held = getattr(result, "__dict__", {})
        response = held.get("response")
        if "_cast_to" in held and "_client" in held and _package(type(response).__module__):
            return f"{module.partition('.')[0]}.{name}" if kind(response) else None
    return None


def _package(module: str) -> str | None:
    """`httpx` or `httpx2`, when the module is of it."""
    package = module.partition(".")[0]
    return package if package in ("httpx", "httpx2") else None


def recorded(result: Any, kind: str, session: Session) -> Any:
    """`result` itself, which is recorded while it is consumed."""
    chunks = _Chunks(session, {"kind": kind})
    if kind == "httpx.Response":
        _watch(result, chunks)
    elif kind == "httpx.stream":
        chunks.effect["async"] = hasattr(result.gen, "ag_frame")
        result.gen = _AsyncOpening(result.gen, chunks) if chunks.effect["async"] else _opening(result.gen, chunks)
    else:
        chunks.by_item = True
        _watch(result.response, chunks, result)
        inner = result._iterator
        is_async = hasattr(inner, "__anext__")
        result._iterator = _Async(inner, chunks, True) if is_async else _watched(inner, chunks)
    return result


def replayed(effect: dict[str, Any], value: dict[str, Any], given: dict[str, Any]) -> Any:
    """An object like the one recorded, made without a network. `given` is where its client is looked for."""
    kind = effect["kind"]
    if kind == "httpx.stream":
        return _manager(value, given, effect["async"])
    response = _response(value, given)
    if kind == "httpx.Response":
        return response
    client = _client(value, given)
    more = {}
    if value["options"] is not None:
        of, fields = value["options"]
        more["options"] = of.construct(**fields)
    return value["class"](cast_to=value["cast_to"], response=response, client=client, **more)


# --- recording --------------------------------------------------------------------------------------------------


class _Chunks:
    """The bytes of one response so far; used like a `streams.Tape`."""

    def __init__(self, session: Session, effect: dict[str, Any]) -> None:
        self.session = session
        self.effect = effect
        self.open = True
        #: Whether the stream ends with the last of its items, which can be before the last byte.
        self.by_item = False
        #: What else has to be known of the response, pickled. (Not the response itself, which must not become part of a
        #: cycle: a dropped one gives its connection back at once.)
        self.described = b""
        self._chunks: list[bytes] = []
        self._size = 0
        self._started = perf_counter()

    def __del__(self) -> None:
        self.abandon()

    def enter(self, holder: object = None) -> None:
        if self.open:
            self.session.enter()

    def item(self, chunk: Any) -> Any:
        if self.open:
            self.session.leave()
            self._chunks.append(bytes(chunk))
            self._size += len(chunk)
            if self._size > LIMIT:
                self.abandon(f"the response takes more than {LIMIT >> 20} MiB")
        return chunk

    def finish(self, returned: object = None) -> None:
        """The last byte has come."""
        if self.open:
            self.session.leave()
            if not self.by_item:
                self.end()

    def end(self) -> None:
        """The stream is consumed."""
        if not self.open:
            return
        self.open = False
        session, chunks, self._chunks = self.session, self._chunks, []
        # A copy, as what an asynchronous client holds leads through its event loop to what was described.
        value = {**loads(self.described), "chunks": chunks, "seconds": perf_counter() - self._started}
        session.complete(value, {**self.effect, "count": len(chunks)})

    def closed(self) -> None:
        """The response was closed; what has not come will not come."""
        if not self.by_item:
            self.abandon()

    def abandon(self, reason: str = "") -> None:
        if self.open:
            self.open = False
            self._chunks = []
            self.session.abandon(reason)


def _describe(response: Any) -> dict[str, Any]:
    """All that is needed to make the response again, but for its bytes."""
    if not isinstance(response.default_encoding, str):
        raise ValueError("its encoding is decided by a function of the client")
    request = response.request
    headers = [(bytes(name), bytes(value)) for name, value in request.headers.raw]
    return {
        "package": _package(type(response).__module__),
        "status": response.status_code,
        "headers": [(bytes(name), bytes(value)) for name, value in response.headers.raw],
        "extensions": {
            name: bytes(response.extensions[name])
            for name in ("http_version", "reason_phrase")
            if name in response.extensions
        },
        "encoding": response.default_encoding,
        "history": list(response.history),
        "next_request": response.next_request,
        "method": request.method,
        "url": str(request.url),
        "asked": [pair for pair in headers if not _withheld(pair[0])],
        "withheld": [name.decode("latin-1") for name, _ in headers if _withheld(name)],
        "content": getattr(request, "_content", None),
        "async": not hasattr(type(response.stream), "__iter__"),
    }


def _withheld(name: bytes) -> bool:
    return is_credential(name.decode("latin-1"))


def _describe_stream(stream: Any) -> dict[str, Any]:
    options = getattr(stream, "_options", None)
    fields = {}
    for name in ("method", "url", "synthesize_event_and_data", "stream_mode"):
        if options is not None and hasattr(options, name):
            fields[name] = getattr(options, name)
    client = stream._client
    kept = ("_strict_response_validation", "_version")
    return {
        "class": type(stream),
        "cast_to": stream._cast_to,
        "options": None if options is None else (type(options), fields),
        "client": type(client),
        "client_state": {name: vars(client)[name] for name in kept if name in vars(client)},
        "base_url": str(getattr(client, "_base_url", "")),
    }


def _watch(response: Any, chunks: _Chunks, stream: Any = None) -> None:
    """Have the bytes of `response` recorded as they come; `stream` is what makes items of them."""
    try:
        about = _describe(response)
        if stream is not None:
            about.update(_describe_stream(stream))
        chunks.described = dumps(about, 5)
    except Exception as error:
        let_through(error)
        chunks.abandon(f"the response: {error}")
        return
    outer = response.stream
    inner = getattr(outer, "_stream", None)
    if inner is None:
        response.stream = _source(outer, chunks)
    else:
        outer._stream = _source(inner, chunks)


def _source(inner: Any, chunks: _Chunks) -> Any:
    """`inner`, a byte stream of httpx, recorded."""
    bases = tuple(base for base in type(inner).__mro__ if base.__name__ in ("SyncByteStream", "AsyncByteStream"))

    class Source(*bases):  # type: ignore[misc]
        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

    def read(self: Any) -> Iterator[bytes]:
        return through(iter(inner), chunks)  # type: ignore[arg-type]

    def read_async(self: Any) -> AsyncIterator[bytes]:
        return _Async(inner.__aiter__(), chunks, False)

    def close(self: Any) -> None:
        chunks.closed()
        inner.close()

    async def aclose(self: Any) -> None:
        chunks.closed()
        await inner.aclose()

    if hasattr(type(inner), "__iter__"):
        Source.__iter__ = read
        Source.close = close
    if hasattr(type(inner), "__aiter__"):
        Source.__aiter__ = read_async
        Source.aclose = aclose
    return Source()


def _watched(inner: Any, chunks: _Chunks) -> Iterator[Any]:
    """The items that are made of the bytes, to their end."""
    try:
        yield from inner
        chunks.end()
    except BaseException as error:
        chunks.abandon()
        _without_us(error)
        raise


class _Async:
    """Bytes, or the items made of them, of an asynchronous generator that is left to itself in all other respects.

    Not a generator: those an event loop gets to know, and closes all at once when it shuts down.
    """

    def __init__(self, inner: Any, chunks: _Chunks, items: bool) -> None:
        self._inner = inner
        self._chunks = chunks
        self._items = items

    def __aiter__(self) -> _Async:
        return self

    async def __anext__(self) -> Any:
        chunks = self._chunks
        try:
            if self._items:
                return await self._inner.__anext__()
            chunks.enter()
            return chunks.item(await self._inner.__anext__())
        except StopAsyncIteration:
            (chunks.end if self._items else chunks.finish)()
            raise
        except BaseException as error:
            chunks.abandon()
            _without_us(error)
            raise

    async def asend(self, value: Any) -> Any:
        self._chunks.abandon()
        return await self._inner.asend(value)

    async def athrow(self, *error: Any) -> Any:
        self._chunks.abandon()
        return await self._inner.athrow(*error)

    async def aclose(self) -> None:
        if hasattr(self._inner, "aclose"):
            await self._inner.aclose()


class _Opening(map):  # type: ignore[type-arg]
    """The generator inside of `with client.stream(…)`, whose one item is the response."""

    inner: Any

    def throw(self, *error: Any) -> Any:
        try:
            return self.inner.throw(*error)
        except BaseException as raised:
            _without_us(raised)
            raise

    def close(self) -> None:
        self.inner.close()


def _opening(inner: Any, chunks: _Chunks) -> _Opening:
    def opened(response: Any) -> Any:
        _watch(response, chunks)
        return response

    opening = _Opening(opened, inner)
    opening.inner = inner
    return opening


class _AsyncOpening:
    def __init__(self, inner: Any, chunks: _Chunks) -> None:
        self._inner = inner
        self._chunks = chunks

    def __aiter__(self) -> _AsyncOpening:
        return self

    async def __anext__(self) -> Any:
        try:
            response = await self._inner.__anext__()
        except BaseException as raised:
            _without_us(raised)
            raise
        _watch(response, self._chunks)
        return response

    async def athrow(self, *error: Any) -> Any:
        try:
            return await self._inner.athrow(*error)
        except BaseException as raised:
            _without_us(raised)
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()


# --- replaying --------------------------------------------------------------------------------------------------


def _response(value: dict[str, Any], given: dict[str, Any]) -> Any:
    package: Any = __import__(value["package"])
    request = package.Request(value["method"], value["url"], headers=value["asked"], content=value["content"])
    for name, text in _credentials(value, given).items():
        request.headers.setdefault(name, text)
    response = package.Response(
        value["status"],
        headers=value["headers"],
        stream=_replaying(package, value),
        request=request,
        extensions=value["extensions"],
        history=value["history"],
        default_encoding=value["encoding"],
    )
    response.stream.response = response
    response.next_request = value["next_request"]
    return response


def _replaying(package: Any, value: dict[str, Any]) -> Any:
    chunks: list[bytes] = value["chunks"]
    seconds: float = value["seconds"]

    class Replaying(package.AsyncByteStream if value["async"] else package.SyncByteStream):  # type: ignore[misc]
        response: Any
        elapsed: Any = None

        def done(self) -> None:
            from datetime import timedelta

            self.elapsed = timedelta(seconds=seconds)
            self.response.elapsed = self.elapsed

    def read(self: Any) -> Iterator[bytes]:
        return iter(chunks)

    async def read_async(self: Any) -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def aclose(self: Any) -> None:
        self.done()

    if value["async"]:
        Replaying.__aiter__ = read_async
        Replaying.aclose = aclose
    else:
        Replaying.__iter__ = read
        Replaying.close = Replaying.done
    return Replaying()


def _credentials(value: dict[str, Any], given: dict[str, Any]) -> dict[str, str]:
    """The credentials that the client at hand would send, of those that were sent."""
    wanted = {name.lower() for name in value["withheld"]}
    found: dict[str, str] = {}
    for candidate in _candidates(given) if wanted else ():
        for attribute in ("auth_headers", "headers"):
            try:
                held = dict(getattr(candidate, attribute, None) or {})
            except Exception:
                continue
            found.update((name, text) for name, text in held.items() if name.lower() in wanted)
    return found


def _candidates(given: dict[str, Any]) -> Iterator[Any]:
    """What may be the client that the call was made through."""
    for value in given.values():
        yield value
        held = getattr(value, "__dict__", None)
        if type(held) is dict:
            for name in ("_client", "client"):
                if name in held:
                    yield held[name]


def _client(value: dict[str, Any], given: dict[str, Any]) -> Any:
    """The client at hand, or one that can do no more than parse."""
    of = value["client"]
    for candidate in _candidates(given):
        if type(candidate) is of:
            return candidate
    client = of.__new__(of)
    package: Any = __import__(value["package"])
    vars(client).update(value["client_state"], _base_url=package.URL(value["base_url"]))
    return client


def _manager(value: dict[str, Any], given: dict[str, Any], is_async: bool) -> Any:
    """What `client.stream(…)` returns."""
    contextlib = sys.modules.get("contextlib") or __import__("contextlib")

    def stream() -> Iterator[Any]:
        response = _response(value, given)
        try:
            yield response
        except BaseException as error:
            _without_us(error)
            raise
        finally:
            response.close()

    async def stream_async() -> AsyncIterator[Any]:
        response = _response(value, given)
        try:
            yield response
        except BaseException as error:
            _without_us(error)
            raise
        finally:
            await response.aclose()

    if is_async:
        stream_async.__name__ = stream_async.__qualname__ = "stream"
        return contextlib.asynccontextmanager(stream_async)()
    return contextlib.contextmanager(stream)()
