"""requests against a server on loopback: `get(url)`, and the chain `get(url).json()`."""

import pytest

pytest.importorskip("requests")


def answer(method, path, headers, body):
    return 200, "application/json", '{"path": "%s", "items": [1, 2, 3]}' % path


@pytest.fixture
def server(serve):
    return serve(answer)


def test_get(stash, server):
    stash.write(
        "s.py",
        """
        import sys
        import requests
        response = requests.get(sys.argv[1], timeout=10)  # @devstash ttl=1h
        response.raise_for_status()
        print(type(response).__module__, response.status_code, response.text, response.json()["items"], response.ok)
        print(response.headers["Content-Type"], response.url == sys.argv[1], response.encoding, response.reason)
        print(dict(response.cookies), response.request.method, response.elapsed > response.elapsed * 0)
        """,
    )
    stash.twice("s.py", server.url + "/a")
    assert server.count() == 1
    stash.ok("s.py", server.url + "/b")
    assert server.count() == 1
    assert stash.entries()[0].name.startswith("requests.api__get__")


def test_chain(stash, server):
    stash.write(
        "s.py",
        """
        import sys
        import requests
        items = requests.get(sys.argv[1], params={"q": "x"}).json()["items"]  # @devstash
        print(items)
        """,
    )
    assert stash.twice("s.py", server.url + "/a") == "[1, 2, 3]\n"
    assert server.count() == 1
    stash.ok("s.py", server.url + "/other")
    assert server.count() == 1


def test_session(stash, server):
    """A session's cookies and pools change with every call; what it is configured with does not."""
    stash.write(
        "s.py",
        """
        import sys
        import requests
        session = requests.Session()
        session.headers["X-Tenant"] = sys.argv[2]
        for path in sys.argv[3:]:
            print(session.get(sys.argv[1] + path).json()["path"])  # @devstash
        """,
    )
    assert stash.ok("s.py", server.url, "t", "/a", "/b") == "/a\n/b\n"
    assert server.count() == 2
    assert stash.ok("s.py", server.url, "t", "/b", "/a") == "/b\n/a\n"
    assert server.count() == 0
    stash.ok("s.py", server.url, "other", "/a")
    assert server.count() == 1


def test_failed_connection_is_as_without_devstash(stash):
    stash.write(
        "s.py",
        """
        import requests
        try:
            requests.get("http://127.0.0.1:1/")  # @devstash
        except requests.ConnectionError as error:
            print(type(error).__name__)
        """,
    )
    assert stash.twice("s.py") == "ConnectionError\n"
    assert stash.entries() == []
