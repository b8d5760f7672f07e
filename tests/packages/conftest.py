"""A server on loopback for the tests with real clients: it keeps what it was asked, and answers from a function."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server:
    """`requests` are (method, path, headers, body); `answer` makes (status, content type, text) from one of them."""

    def __init__(self, answer):
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length).decode()
                request = (self.command, self.path, dict(self.headers), body)
                outer.requests.append(request)
                status, kind, text = answer(*request)
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                # A different header on each answer, as servers do: it must not matter to a later call's key.
                self.send_header("X-Request-Id", str(len(outer.requests)))
                self.send_header("Set-Cookie", f"visit={len(outer.requests)}")
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, *args):
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.httpd.server_port}"
        self.thread = threading.Thread(target=self.httpd.serve_forever, daemon=True)
        self.thread.start()

    def count(self):
        """How many requests came since this was last asked."""
        found = len(self.requests)
        self.requests.clear()
        return found

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()
        self.thread.join()


@pytest.fixture
def serve():
    """Start servers; they are stopped when the test is over."""
    servers = []

    def start(answer):
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def completion(method, path, headers, body):
    """What a chat-completions API says: the question in capitals, and how many tokens that took."""
    asked = json.loads(body)
    text = asked["messages"][-1]["content"].upper()
    return (
        200,
        "application/json",
        json.dumps(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1700000000,
                "model": asked["model"],
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": f"{asked['model']}: {text}"},
                        "finish_reason": "stop",
                        "logprobs": None,
                    }
                ],
                "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
            }
        ),
    )


@pytest.fixture
def chat(serve):
    """A server that speaks the chat-completions API."""
    return serve(completion)
