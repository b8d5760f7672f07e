"""Clients count by what they are configured to ask: the same before and after use, with any credentials."""

import http.server
import json
import socketserver
import sqlite3
import struct
import threading

import pytest
from devstash.clients import address, is_credential
from devstash.encode import Unkeyable, encode


def package(name):
    return pytest.importorskip(name, reason=f"{name} is not installed")


class Handler(http.server.BaseHTTPRequestHandler):
    answers = 0

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Handler.answers += 1
        if "messages" in self.path:
            usage = {"input_tokens": 1, "output_tokens": 1}
            answer = {"id": "m", "type": "message", "role": "assistant", "model": "c", "usage": usage}
            answer.update({"content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"})
        else:
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
            answer = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", f"session={Handler.answers}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def url():
    """A server that answers like the services do, and sets a new cookie each time."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def check(made, same=(), other=()):
    """`made` has the digest of all of `same` and of none of `other`, which differ among themselves too."""
    digest = encode(made)
    for place, client in enumerate(same):
        assert encode(client) == digest, f"same {place}"
    digests = [digest, *map(encode, other)]
    assert len(set(digests)) == len(digests)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_openai(url):
    openai = package("openai")

    def make(kind=openai.OpenAI, **options):
        return kind(**{"api_key": "k", "base_url": url + "/v1", **options})

    client = make()
    before = encode(client), encode(client.chat.completions)
    for _ in range(2):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "q"}])
    assert (encode(client), encode(client.chat.completions)) == before
    check(
        client,
        same=[
            make(api_key="z"),
            make(default_headers={"Authorization": "1"}),
            make(timeout=3, max_retries=9),
            client.with_options(timeout=4),
        ],
        other=[
            make(base_url=url + "/v2"),
            make(organization="o"),
            make(project="o"),
            make(default_headers={"X-Mode": "1"}),
            make(default_query={"v": "1"}),
            client.with_options(default_headers={"X-B": "2"}),
        ],
    )
    check(
        make().chat.completions.create,
        same=[client.chat.completions.create],
        other=[client.embeddings.create],
    )
    raw = client.chat.completions.with_raw_response.create
    check(raw, same=[make(api_key="z").chat.completions.with_raw_response.create])
    check(
        make(openai.AsyncOpenAI).chat.completions,
        same=[make(openai.AsyncOpenAI, api_key="z").chat.completions],
    )

    def azure(**options):
        return openai.AzureOpenAI(**{"api_key": "k", "azure_endpoint": url, "api_version": "1", **options})

    check(azure(), same=[azure(api_key="z")], other=[azure(api_version="2"), azure(azure_deployment="d")])

    class Mine(openai.OpenAI):
        def __init__(self, mode):
            super().__init__(api_key="k", base_url=url)
            self.mode = mode

    check(Mine(1), same=[Mine(1)], other=[Mine(2)])


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_anthropic(url):
    anthropic = package("anthropic")

    def make(**options):
        return anthropic.Anthropic(**{"api_key": "k", "base_url": url, **options})

    client = make()
    before = encode(client.messages)
    client.messages.create(model="c", max_tokens=5, messages=[{"role": "user", "content": "q"}])
    assert encode(client.messages) == before
    check(
        client.messages,
        same=[make(api_key="z").messages, make(max_retries=7, timeout=2).messages],
        other=[
            make(base_url=url + "/x").messages,
            make(default_headers={"X-Mode": "1"}).messages,
            make(default_query={"v": "1"}).messages,
            make(default_headers={"anthropic-beta": "b"}).messages,
            make().with_options(default_headers={"anthropic-version": "2"}).messages,
        ],
    )


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_httpx(url):
    httpx = package("httpx")
    client = httpx.Client(base_url=url)
    before = encode(client)
    client.get("/a"), client.get("/b")
    assert client.cookies
    assert encode(client) == before
    one = httpx.MockTransport(lambda request: httpx.Response(200, json=1))
    two = httpx.MockTransport(lambda request: httpx.Response(200, json=2))
    check(
        client,
        same=[httpx.Client(base_url=url, auth=("user", "password"), timeout=7)],
        other=[
            httpx.Client(base_url=url + "/z"),
            httpx.Client(base_url=url, headers={"X-Mode": "1"}),
            httpx.Client(base_url=url, params={"a": 1}),
            httpx.Client(base_url=url, follow_redirects=True),
            httpx.Client(base_url=url, transport=one),
            httpx.Client(base_url=url, transport=two),
        ],
    )


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_requests(url):
    requests = package("requests")

    def make(**attributes):
        session = requests.Session()
        for name, value in attributes.items():
            setattr(session, name, value)
        return session

    session = make()
    before = encode(session)
    session.get(url), session.get(url + "/2")
    assert session.cookies
    assert encode(session) == before
    check(
        session,
        same=[make(auth=("user", "password")), make(verify=False)],
        other=[
            make(headers={"X-Mode": "1"}),
            make(params={"a": 1}),
            make(proxies={"http": "http://user:password@proxy"}),
            make(tenant="x"),
        ],
    )
    check(session.get, same=[make().get], other=[session.post])


@pytest.mark.filterwarnings("ignore")
def test_boto3(url):
    boto3 = package("boto3")
    botocore = package("botocore")
    package("botocore.config")

    def make(**options):
        defaults = {"region_name": "eu-west-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
        return boto3.client("s3", **{**defaults, "endpoint_url": url, **options})

    client = make()
    check(
        client,
        same=[make(aws_access_key_id="z")],
        other=[
            make(region_name="us-east-1"),
            make(endpoint_url=url + "/x"),
            make(config=botocore.config.Config(s3={"addressing_style": "path"})),
        ],
    )
    check(client.list_buckets, same=[make().list_buckets], other=[client.list_objects])
    resource = boto3.resource("s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    check(resource.Bucket("x"), same=[resource.Bucket("x")], other=[resource.Bucket("y")])


def test_sqlite(tmp_path):
    path = tmp_path / "a.db"
    one, two = sqlite3.connect(path), sqlite3.connect(path)
    one.execute("create table t(a)")
    one.commit()
    digests = [encode(one)]
    assert one.execute("select * from t").fetchall() == []
    assert encode(one) == digests[0] == encode(two)
    one.execute("insert into t values(1)")
    digests.append(encode(one))
    one.commit()
    digests.append(encode(one))
    assert encode(two) == digests[2]
    assert len(set(digests)) == 3
    with pytest.raises(Unkeyable):
        encode(one.execute("select * from t"))
    one.close(), two.close()
    with pytest.raises(Unkeyable):
        encode(one)

    memory = sqlite3.connect(":memory:")
    digests = [encode(memory)]
    for statement in ("create table t(a)", "insert into t values(1)", "insert into t values(2)"):
        memory.execute(statement)
        digests.append(encode(memory))
    assert len(set(digests)) == 4
    memory.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_sqlalchemy(tmp_path):
    alchemy = package("sqlalchemy")
    engine = alchemy.create_engine(f"sqlite:///{tmp_path}/a.db")
    with engine.begin() as connection:
        connection.execute(alchemy.text("create table t(a)"))
    before = encode(engine)
    with engine.connect() as connection:
        assert connection.execute(alchemy.text("select * from t")).fetchall() == []
        encode(connection)
    assert encode(engine) == before
    with engine.begin() as connection:
        connection.execute(alchemy.text("insert into t values(2)"))
    assert encode(engine) != before
    memory = alchemy.create_engine("sqlite://")
    before = encode(memory)
    with memory.begin() as connection:
        connection.execute(alchemy.text("create table t(a)"))
    assert encode(memory) != before

    def url(text):
        return alchemy.make_url(text)

    check(
        url("postgresql://user:one@host/db"),
        same=[url("postgresql://user:two@host/db")],
        other=[url("postgresql://user:one@host/other"), url("postgresql://user:one@else/db")],
    )
    table = alchemy.Table("t", alchemy.MetaData(), alchemy.Column("a", alchemy.Integer))
    query = alchemy.select(table)
    check(
        query.where(table.c.a == 1),
        same=[query.where(table.c.a == 1)],
        other=[query.where(table.c.a == 2), query.where(table.c.a > 1), query],
    )
    engine.dispose(), memory.dispose()


class Postgres(socketserver.BaseRequestHandler):
    """Just enough of PostgreSQL's protocol: every question is answered with one row, `1`."""

    def handle(self):
        while True:
            size = struct.unpack("!i", self.take(4))[0]
            (code,) = struct.unpack("!i", self.take(size - 4)[:4])
            if code not in (80877103, 80877104):  # is encryption there?
                break
            self.request.sendall(b"N")
        settings = {"server_version": "14.0", "client_encoding": "UTF8", "standard_conforming_strings": "on"}
        settings.update({"DateStyle": "ISO, MDY", "integer_datetimes": "on", "TimeZone": "UTC"})
        told = b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in settings.items())
        self.request.sendall(message(b"R", bytes(4)) + told + message(b"K", bytes(8)) + message(b"Z", b"I"))
        column = message(b"T", struct.pack("!h", 1) + b"a\0" + struct.pack("!ihihih", 0, 0, 23, 4, -1, 0))
        rows = message(b"D", struct.pack("!hi", 1, 1) + b"1") + message(b"C", b"SELECT 1\0")
        answers = {b"Q": column + rows + message(b"Z", b"I"), b"P": message(b"1", b""), b"B": message(b"2", b"")}
        answers.update({b"D": column, b"E": rows, b"S": message(b"Z", b"I"), b"C": message(b"3", b"")})
        while True:
            kind = self.take(1)
            if kind in (b"X", b""):
                return
            self.take(struct.unpack("!i", self.take(4))[0] - 4)
            self.request.sendall(answers.get(kind, b""))

    def take(self, count):
        found = b""
        while len(found) < count:
            part = self.request.recv(count - len(found))
            if not part:
                return b""
            found += part
        return found


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


@pytest.fixture(scope="module")
def port():
    """Where a PostgreSQL server listens that lets everybody in."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Postgres)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("name", ["psycopg", "psycopg2"])
def test_postgres(name, port):
    module = package(name)
    made = []

    def connect(**settings):
        usual = {"host": "127.0.0.1", "port": port, "dbname": "shop", "user": "ann", "password": "one"}
        made.append(module.connect(**{**usual, **settings}))
        made[-1].autocommit = True
        return made[-1]

    def ask(connection):
        cursor = connection.cursor()
        cursor.execute("select 1")
        assert cursor.fetchall() == [(1,)]
        return cursor

    connection = connect()
    before = encode(connection)
    cursor = ask(connection)
    assert encode(connection) == before
    with pytest.raises(Unkeyable):
        encode(cursor)
    check(
        connection,
        same=[connect(), connect(password="two"), connect(connect_timeout=9)],
        other=[
            connect(dbname="other"),
            connect(user="bob"),
            connect(options="-c search_path=other"),
            connect(host="localhost"),
        ],
    )
    for connection in made:
        connection.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("name", ["psycopg", "psycopg2"])
def test_sqlalchemy_with_postgres(name):
    alchemy = package("sqlalchemy")
    package(name)

    def make(database="shop", password="one", **options):
        return alchemy.create_engine(f"postgresql+{name}://ann:{password}@localhost/{database}", **options)

    check(
        make(),
        same=[make(password="two"), make(pool_size=2), make(connect_args={"connect_timeout": 3})],
        other=[
            make("other"),
            make(connect_args={"options": "-c search_path=other"}),
            make(execution_options={"schema_translate_map": {None: "other"}}),
            make(creator=lambda: None),
        ],
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("api_key", True),
        ("X-Api-Key", True),
        ("Authorization", True),
        ("token", True),
        ("access_token", True),
        ("aws_secret_access_key", True),
        ("max_tokens", False),
        ("pad_token", False),
        ("key", False),
        ("model", False),
    ],
)
def test_credentials_are_known_by_name(name, expected):
    assert is_credential(name) is expected


def test_addresses_lose_their_passwords():
    assert address("https://user:pass@host:1/a?b=c@d") == "https://host:1/a?b=c@d"
    assert address("https://host/a@b") == "https://host/a@b"
    assert address("relative/path") == "relative/path"
