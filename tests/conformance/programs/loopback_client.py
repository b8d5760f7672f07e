"""Asks a small web API on this machine, with retries and paging."""

import http.server
import json
import threading
import urllib.error
import urllib.parse
import urllib.request

ITEMS = [{"id": n, "name": f"item {n}"} for n in range(7)]


class Handler(http.server.BaseHTTPRequestHandler):
    failures = 1

    def do_GET(self):
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        if parts.path == "/flaky" and Handler.failures:
            Handler.failures -= 1
            return self.answer(503, {"error": "busy"})
        if parts.path not in ("/items", "/flaky"):
            return self.answer(404, {"error": "no such page"})
        start = int(query.get("start", 0))
        page = ITEMS[start : start + 3]
        return self.answer(200, {"items": page, "next": start + 3 if start + 3 < len(ITEMS) else None})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


def fetch(base, path, tries=3, **query):
    url = urllib.parse.urljoin(base, path) + "?" + urllib.parse.urlencode(query)
    for attempt in range(tries):
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return json.load(response)
        except urllib.error.HTTPError as trouble:
            if trouble.code != 503 or attempt == tries - 1:
                raise
            trouble.close()


def pages(base):
    start = 0
    while start is not None:
        page = fetch(base, "/items", start=start)  # @devstash ignore=base
        yield from page["items"]
        start = page["next"]


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
try:
    names = [item["name"] for item in pages(base)]
    print(names)
    first = fetch(base, "/flaky")  # @devstash ignore=base
    print(first["next"])
    try:
        fetch(base, "/missing")  # @devstash ignore=base
    except urllib.error.HTTPError as trouble:
        print(trouble.code, json.load(trouble)["error"])
        trouble.close()
finally:
    server.shutdown()
    server.server_close()
