"""Streaming responses of httpx, openai and anthropic, against a server on loopback that sends piece by piece."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

PIECES = 4


def openai_events(asked):
    for number in range(PIECES):
        choice = {"index": 0, "delta": {"content": f"{asked['model']}{number} "}, "finish_reason": None}
        yield "data: " + json.dumps(
            {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": asked["model"], "choices": [choice]}
        )
    yield "data: [DONE]"


def anthropic_events(asked):
    message = {"id": "m", "type": "message", "role": "assistant", "model": asked["model"], "content": []}
    message.update({"stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}})
    events = [{"type": "message_start", "message": message}]
    block = {"type": "text", "text": ""}
    events.append({"type": "content_block_start", "index": 0, "content_block": block})
    for number in range(PIECES):
        delta = {"type": "text_delta", "text": f"{asked['model']}{number} "}
        events.append({"type": "content_block_delta", "index": 0, "delta": delta})
    events.append({"type": "content_block_stop", "index": 0})
    events.append({"type": "message_stop"})
    for event in events:
        yield f"event: {event['type']}\ndata: {json.dumps(event)}"


def lines(asked):
    for number in range(PIECES):
        yield f"line {number}"


class Server:
    """Sends a piece only after the script has taken note of the one before, by a request for `/seen`."""

    def __init__(self):
        self.requests = []
        self.in_step = False
        self.broken = False
        self.seen = threading.Semaphore(0)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                if self.path == "/seen":
                    outer.seen.release()
                    self.send_response(204)
                    self.end_headers()
                    return
                outer.requests.append((self.path, body, dict(self.headers)))
                if self.path == "/moved":
                    self.send_response(302)
                    self.send_header("Location", "/lines")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                make = lines
                if "completions" in self.path:
                    make = openai_events
                elif "messages" in self.path:
                    make = anthropic_events
                self.send_response(200)
                self.send_header("Content-Type", "text/plain" if make is lines else "text/event-stream")
                self.send_header("X-Number", "7")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for number, piece in enumerate(make(json.loads(body) if body else None)):
                    if outer.broken and number == 2:
                        self.close_connection = True
                        return
                    # The script has said that it has the piece before this one.
                    if outer.in_step and 0 < number < PIECES and not outer.seen.acquire(timeout=20):
                        return
                    data = (piece + ("\n" if make is lines else "\n\n")).encode()
                    try:
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                    except OSError:
                        return
                self.wfile.write(b"0\r\n\r\n")

            do_POST = do_GET

            def log_message(self, *args):
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.httpd.server_port}"
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()

    def count(self):
        found = len(self.requests)
        self.requests.clear()
        return found


@pytest.fixture
def server():
    found = Server()
    yield found
    found.httpd.shutdown()
    found.httpd.server_close()


SEEN = """
import sys, urllib.request
url, *words = sys.argv[1:]
def seen():
    if "step" in words:
        urllib.request.urlopen(url + "/seen").close()
"""

OPENAI = (
    SEEN
    + """
from openai import OpenAI
client = OpenAI(base_url=url + "/v1", api_key="secret-key", max_retries=0)
stream = client.chat.completions.create(  # @devstash
    model="m", messages=[{"role": "user", "content": "hello"}], stream=True
)
print(type(stream), stream.response.status_code, stream.response.headers["x-number"])
for chunk in stream:
    print(type(chunk).__name__, chunk.choices[0].delta.content)
    seen()
    if "break" in words:
        break
    if "raise" in words:
        raise SystemExit("raised")
print("over", next(stream, None) if "break" not in words else None)
"""
)

ASYNC_OPENAI = (
    SEEN
    + """
import asyncio
from openai import AsyncOpenAI
async def main():
    client = AsyncOpenAI(base_url=url + "/v1", api_key="secret-key", max_retries=0)
    stream = await client.chat.completions.create(  # @devstash
        model="m", messages=[{"role": "user", "content": "hello"}], stream=True
    )
    print(type(stream), stream.response.status_code, stream.response.headers["x-number"])
    async for chunk in stream:
        print(type(chunk).__name__, chunk.choices[0].delta.content)
        seen()
        if "break" in words:
            break
        if "raise" in words:
            raise SystemExit("raised")
    await stream.close()
    await client.close()
asyncio.run(main())
"""
)

ANTHROPIC = (
    SEEN
    + """
from anthropic import Anthropic
client = Anthropic(base_url=url, api_key="secret-key", max_retries=0)
with client.messages.create(  # @devstash
    model="m", max_tokens=9, messages=[{"role": "user", "content": "hello"}], stream=True
) as stream:
    print(type(stream))
    for event in stream:
        print(type(event).__name__, event.type)
        if "break" in words:
            break
        if "raise" in words:
            raise SystemExit("raised")
"""
)

HTTPX = (
    SEEN
    + """
import httpx
client = httpx.Client()
with client.stream("GET", url + "/lines", headers={"Authorization": "Bearer secret-key"}) as response:  # @devstash
    print(response, response.http_version, response.headers["x-number"], response.url.path, response.history)
    print(response.is_closed, response.is_stream_consumed, response.request.method)
    for line in response.iter_lines():
        print(line)
        seen()
        if "break" in words:
            break
        if "raise" in words:
            raise SystemExit("raised")
print(response.is_closed, response.is_stream_consumed, response.elapsed.total_seconds() > 0)
"""
)

HTTPX_SEND = (
    SEEN
    + """
import httpx
client = httpx.Client()
request = client.build_request("GET", url + "/lines")
response = client.send(request, stream=True)  # @devstash
print(type(response), response.status_code, type(response.stream.__iter__).__name__)
for data in response.iter_raw():
    print(data)
    seen()
    if "break" in words:
        break
    if "raise" in words:
        raise SystemExit("raised")
response.close()
print(response.num_bytes_downloaded if "break" not in words else None)
"""
)

ASYNC_HTTPX = (
    SEEN
    + """
import asyncio, httpx
async def main():
    async with httpx.AsyncClient() as client:
        async with client.stream("GET", url + "/lines") as response:  # @devstash
            print(response, response.headers["x-number"])
            async for line in response.aiter_lines():
                print(line)
                seen()
                if "break" in words:
                    break
                if "raise" in words:
                    raise SystemExit("raised")
        request = client.build_request("GET", url + "/lines", headers={"X": "send"})
        response = await client.send(request, stream=True)  # @devstash
        print(await response.aread() if "step" not in words and "break" not in words else None)
        await response.aclose()
asyncio.run(main())
"""
)

EVERY = pytest.mark.parametrize(
    "needs, script, count",
    [
        ("openai", OPENAI, 1),
        ("openai", ASYNC_OPENAI, 1),
        ("anthropic", ANTHROPIC, 1),
        ("httpx", HTTPX, 1),
        ("httpx", HTTPX_SEND, 1),
        ("httpx", ASYNC_HTTPX, 2),
        ("httpx2", HTTPX.replace("httpx", "httpx2"), 1),
        ("httpx2", ASYNC_HTTPX.replace("httpx", "httpx2"), 2),
    ],
    ids=["openai", "async openai", "anthropic", "httpx", "httpx send", "async httpx", "httpx2", "async httpx2"],
)


@EVERY
def test_second_run_sends_no_request(stash, server, needs, script, count):
    pytest.importorskip(needs)
    stash.write("s.py", script)
    expected = stash.plain("s.py", server.url)
    assert expected.status == 0, expected
    assert server.count() == count
    assert stash.ok("s.py", server.url) == expected.stdout
    assert server.count() == count
    assert stash.ok("s.py", server.url) == expected.stdout
    assert server.count() == 0


@EVERY
def test_items_arrive_one_by_one(stash, server, needs, script, count):
    """The server waits with each piece until the script has seen the one before."""
    pytest.importorskip(needs)
    if needs == "anthropic" or count == 2:
        script = script.replace("        request = ", "        return\n        request = ")
    stash.write("s.py", script)
    server.in_step = needs != "anthropic"
    first = stash.ok("s.py", server.url, "step")
    assert server.count() == 1
    assert stash.ok("s.py", server.url, "step") == first
    assert server.count() == 0


@EVERY
@pytest.mark.parametrize("how", ["break", "raise"])
def test_left_half_way_it_is_asked_again(stash, server, needs, script, count, how):
    pytest.importorskip(needs)
    stash.write("s.py", script)
    expected = stash.plain("s.py", server.url, how)
    server.count()
    for _ in range(2):
        outcome = stash.run("s.py", server.url, how)
        assert (outcome.stdout, outcome.status) == (expected.stdout, expected.status)
        if "closing of asynchronous generator" not in expected.stderr:
            assert outcome.stderr == expected.stderr
        # Otherwise the client's nested generators and the event loop close each other, in an order that varies.
        assert server.count() >= 1
    assert stash.entries() == []
    stash.ok("s.py", server.url)
    assert server.count() == count
    stash.ok("s.py", server.url)
    assert server.count() == 0


@EVERY
def test_broken_off_by_the_server_it_is_asked_again(stash, server, needs, script, count):
    pytest.importorskip(needs)
    stash.write("s.py", script)
    server.broken = True
    for _ in range(2):
        outcome = stash.run("s.py", server.url)
        assert outcome.status == 1
        assert "RemoteProtocolError" in outcome.stderr or "APIConnectionError" in outcome.stderr, outcome
        assert server.count() == 1
    assert stash.entries() == []


@EVERY
def test_no_credential_is_stored(stash, server, needs, script, count):
    pytest.importorskip(needs)
    stash.write("s.py", script)
    stash.ok("s.py", server.url)
    assert stash.entries()
    for entry in stash.entries():
        value, _, _ = entry.read_bytes().partition(b'{"key":')
        assert b"secret-key" not in value


def test_through_a_function_without_a_client_at_hand(stash, server):
    pytest.importorskip("openai")
    stash.write(
        "s.py",
        """
        import sys
        from openai import OpenAI
        def ask(url):
            client = OpenAI(base_url=url + "/v1", api_key="k", max_retries=0)
            return client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "hello"}], stream=True
            )
        for chunk in ask(sys.argv[1]):  # @devstash
            print(chunk.choices[0].delta.content)
        """,
    )
    assert stash.twice("s.py", server.url).split() == ["m0", "m1", "m2", "m3"]
    assert server.count() == 1


def test_a_marked_generator_around_a_stream(stash, server):
    pytest.importorskip("openai")
    stash.write(
        "s.py",
        """
        import sys
        from openai import OpenAI
        client = OpenAI(base_url=sys.argv[1] + "/v1", api_key="k", max_retries=0)
        def tokens(question):  # @devstash
            stream = client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": question}], stream=True
            )
            for chunk in stream:
                yield chunk.choices[0].delta.content
        for token in tokens("hello"):
            print(token)
        """,
    )
    assert stash.twice("s.py", server.url).split() == ["m0", "m1", "m2", "m3"]
    assert server.count() == 1


def test_redirected_and_compressed(stash, server):
    pytest.importorskip("httpx")
    stash.write(
        "s.py",
        """
        import sys, httpx
        client = httpx.Client(follow_redirects=True)
        with client.stream("GET", sys.argv[1] + "/moved") as response:  # @devstash
            print(response.read(), [old.status_code for old in response.history], response.url.path)
        print(response.text, response.content == response.read())
        """,
    )
    stash.twice("s.py", server.url)
    assert server.count() == 2


def test_gathered(stash, server):
    pytest.importorskip("openai")
    stash.write(
        "s.py",
        """
        import asyncio, sys
        from openai import AsyncOpenAI
        async def main():
            client = AsyncOpenAI(base_url=sys.argv[1] + "/v1", api_key="k", max_retries=0)
            async def ask(question):
                stream = await client.chat.completions.create(  # @devstash
                    model=question, messages=[{"role": "user", "content": question}], stream=True
                )
                return [chunk.choices[0].delta.content async for chunk in stream]
            print(await asyncio.gather(*(ask(q) for q in "abc")))
            print(await asyncio.create_task(ask("d")))
        asyncio.run(main())
        """,
    )
    stash.twice("s.py", server.url)
    assert server.count() == 4
