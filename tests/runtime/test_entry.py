"""What the entry file promises: anybody's pickle, readable manifest, aligned buffers, no damage unnoticed."""

import json
import pickle
import pickletools
import subprocess
import sys
import threading
import tracemalloc
import types
from functools import partial
from pathlib import Path

import pytest
from devstash import entry, manifest, mapped, pickling, plain, preview, refusals, store, writing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RUNTIME = Path(__file__).resolve().parents[2] / "src" / "runtime"


class Key:
    """Stands in for key.Key."""

    module = "features.clean"
    qualname = "Cleaner.run"
    digest = "0c4579007009458c"

    def __init__(self, text=b'{"callable":"aa","argument n":"bb"}', **previews):
        self._text = text
        self.previews = previews

    def text(self):
        return self._text


class Site:
    """Stands in for site.Site."""

    file, line, scope, text, name = "/home/me/analyse.py", 12, "", "x = run(3)", None
    ttl = None
    refresh = False
    load = None
    replay = ()


class Block:
    """An object with one large buffer, as NumPy arrays have it; equal when the bytes are."""

    def __init__(self, data):
        self.data = data

    def __reduce_ex__(self, protocol):
        return Block, (pickle.PickleBuffer(self.data),)

    def __eq__(self, other):
        return bytes(self.data) == bytes(other.data)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return store.Store(str(tmp_path / "cache"))


def kept(shelf, value, key=None, **facts):
    key = key or Key()
    shelf.save(key, value, {"duration": 0.25, "site": Site(), **facts})
    return Path(shelf.path(key))


def footer(path):
    data = path.read_bytes()
    return data, entry.numbers(memoryview(data)[-entry.FOOTER : -64])


def load(shelf, key=None):
    found, value = shelf.load(key or Key(), Site())
    assert found, value
    return value


LARGE = bytes(range(256)) * 400
VALUES = {
    "none": None,
    "empty": "",
    "small": {"a": [1, 2.5, (True, None)], "b": "text" * 50},
    "just below a large buffer": Block(bytearray(pickling.LARGE - 1)),
    "just a large buffer": Block(bytearray(pickling.LARGE)),
    "buffers": [Block(bytearray(LARGE)), Block(LARGE), "between", Block(bytearray(LARGE[:99_999]))],
    "many buffers": [Block(bytearray(LARGE[: 20_000 + n])) for n in range(150)],
    "a large stream": [str(n) for n in range(300_000)],
    "a large stream and buffers": ([str(n) for n in range(300_000)], Block(bytearray(LARGE))),
    "one large bytes object": LARGE * 30,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
class TestEveryShape:
    def test_value_comes_back(self, shelf, value):
        kept(shelf, value)
        assert load(shelf) == value

    def test_file_is_a_plain_pickle(self, shelf, value):
        path = kept(shelf, value)
        with open(path, "rb") as file:
            assert pickle.load(file) == value
        with open(path, "rb") as file:
            assert pickle._load(file) == value  # the unpickler written in Python is stricter here and there

    def test_stream_ends_where_the_footer_says(self, shelf, value):
        data, (stream, length, table, inner, inner_length) = footer(kept(shelf, value))
        assert data[stream - 1 : stream] == pickle.STOP
        assert stream + length + table + entry.FOOTER == len(data)
        *_, (last, _, place) = pickletools.genops(data[:stream])
        assert (last.name, place) == ("STOP", stream - 1)
        assert json.loads(data[stream : stream + length])["size"] == stream

    def test_checksum_is_that_of_the_documentation(self, shelf, value):
        data, (stream, length, table, _, _) = footer(kept(shelf, value))
        rows = entry.table_of(memoryview(data)[stream + length : stream + length + table], stream)
        assert entry.checksum(memoryview(data), rows) == data[-64:-48]


def test_large_buffers_are_aligned_and_described(shelf):
    path = kept(shelf, VALUES["many buffers"] + [Block(LARGE)])
    data, (stream, length, table, _, _) = footer(path)
    rows = entry.table_of(memoryview(data)[stream + length : stream + length + table], stream)
    assert len(rows) == 151
    for (offset, size, flags, digest), block in zip(rows, [*VALUES["many buffers"], Block(LARGE)]):
        assert offset % 64 == 0
        assert data[offset : offset + size] == block.data
        assert digest == entry.buffer_digest(memoryview(block.data))
        assert flags == (entry.READ_ONLY if block.data is LARGE else 0)


def test_mapped_buffers_are_writable_and_private(shelf):
    path = kept(shelf, [Block(bytearray(LARGE * 20)), Block(LARGE)])
    before = path.read_bytes()
    writable, fixed = load(shelf)
    writable.data[0] = 77
    with pytest.raises(TypeError):
        fixed.data[0] = 77
    assert path.read_bytes() == before
    assert load(shelf)[0].data[0] == 0


def test_small_buffers_are_writable_and_private(shelf):
    kept(shelf, Block(bytearray(LARGE)))
    load(shelf).data[0] = 77
    assert load(shelf).data[0] == 0


def test_read_rather_than_mapped_on_request(shelf, monkeypatch):
    value = [Block(bytearray(LARGE * 20)), Block(LARGE)]
    kept(shelf, value)
    monkeypatch.setattr(mapped, "mapped", None)
    site = Site()
    site.load = "copy"
    assert shelf.load(Key(), site) == (True, value)


def test_read_where_mapping_fails(shelf, monkeypatch):
    value = [Block(bytearray(LARGE * 20)), Block(LARGE)]
    kept(shelf, value)
    monkeypatch.setattr(mapped, "mapped", lambda fd, size: None)
    assert load(shelf) == value


def test_storing_needs_no_second_copy_in_memory(shelf):
    for value in (Block(bytearray(40_000_000)), [b"%d" % n for n in range(500_000)]):
        kept(shelf, None)  # imports
        tracemalloc.start()
        kept(shelf, value)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # The pickler's own memo is most of what is left for the list.
        assert peak < (8_000_000 if isinstance(value, Block) else 40_000_000)


# --- damage


class Trap:
    """Unpickling it leaves a trace."""

    sprung: "list[int]" = []

    def __reduce__(self):
        return Trap.sprung.append, (1,)


@pytest.fixture
def trapped(shelf):
    """An entry whose unpickling would be seen, and its bytes."""
    path = kept(shelf, [Trap(), "value"])
    Trap.sprung.clear()
    yield path, path.read_bytes()
    assert not Trap.sprung


def miss(shelf, path, data):
    path.write_bytes(data)
    found, value = shelf.load(Key(), Site())
    assert not found
    return value


def test_a_flipped_bit_anywhere_is_a_miss(shelf, trapped):
    path, data = trapped
    for place in range(len(data)):
        bad = bytearray(data)
        bad[place] ^= 1 << place % 8
        assert miss(shelf, path, bad).reason in ("damaged", "foreign", "future format"), place


def test_a_flipped_bit_anywhere_in_the_buffers_of_a_small_entry_is_a_miss(shelf):
    path = kept(shelf, [Block(bytearray(LARGE[:17_000])), Block(LARGE[:17_000])])
    data = path.read_bytes()
    for place in range(0, len(data), 61):
        bad = bytearray(data)
        bad[place] ^= 1 << place % 8
        assert miss(shelf, path, bad).reason in ("damaged", "foreign", "future format"), place


def test_truncated_anywhere_is_a_miss(shelf, trapped):
    path, data = trapped
    for length in range(len(data)):
        assert miss(shelf, path, data[:length]).reason == "damaged"


def test_every_boundary_of_a_large_entry_truncated_is_a_miss(shelf):
    path = kept(shelf, [Trap(), Block(bytearray(LARGE * 12)), Block(LARGE)])
    Trap.sprung.clear()
    data, (stream, length, table, inner, inner_length) = footer(path)
    rows = entry.table_of(memoryview(data)[stream + length : stream + length + table], stream)
    edges = {0, 1, inner, inner + inner_length, stream, stream + length, stream + length + table, len(data)}
    edges |= {place for offset, size, _, _ in rows for place in (offset, offset + size)}
    edges |= {len(data) - back for back in (8, 16, 48, 64)}
    for edge in {e + step for e in edges for step in (-1, 0, 1)} - {len(data), len(data) + 1, -1}:
        assert miss(shelf, path, data[:edge]).reason == "damaged", edge
    assert not Trap.sprung


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"x",
        lambda data: b"x" + data,
        lambda data: data + data,
        lambda data: data[:50] + data[60:],
        lambda data: b"\0" * len(data),
        lambda data: data[: -entry.FOOTER] + b"\xff" * 40 + data[-64:],
        lambda data: pickle.dumps("not an entry"),
        lambda data: b"devstash",
        lambda data: b"",
    ],
)
def test_bytes_that_are_not_an_entry_are_a_miss(shelf, trapped, change):
    path, data = trapped
    assert miss(shelf, path, change(data)).reason == "damaged"


def test_a_future_format_is_a_miss_that_says_so(shelf, trapped):
    path, data = trapped
    found = miss(shelf, path, data[:-16] + b"\x07\0\0\0" + data[-12:])
    assert (found.reason, found.detail[:8]) == ("future format", "format 7")


def signed(data, secret):
    """The same small entry with checksum and tag made anew."""
    body = data[:-64]
    body += entry.blake2b(body, digest_size=16).digest()
    tag = entry.authenticator(secret)
    tag.update(body)
    return body + tag.digest() + entry.TRAILER


def test_signed_with_another_key_is_never_unpickled(shelf, trapped):
    path, data = trapped
    assert miss(shelf, path, signed(data, b"k" * 32)).reason == "foreign"


def test_result_of_another_call_under_this_name_is_a_miss(shelf):
    kept(shelf, Trap(), Key(b'{"callable":"other"}'))
    Trap.sprung.clear()
    found, value = shelf.load(Key(), Site())
    assert (found, value.reason, Trap.sprung) == (False, "other key", [])


def test_key_that_begins_like_this_one_is_another(shelf):
    kept(shelf, 1, Key(b'{"callable":"aa"}'))
    assert shelf.load(Key(b'{"callable":"aa"'), Site())[1].reason == "other key"
    assert shelf.load(Key(b'{"callable":"aa"},'), Site())[1].reason == "other key"


class Unloadable:
    def __reduce__(self):
        return int, ("not a number",)


def test_unpickling_that_raises_is_a_miss_that_names_the_exception(shelf):
    kept(shelf, Unloadable())
    found, value = shelf.load(Key(), Site())
    assert (found, value.reason) == (False, "damaged")
    assert "ValueError" in value.detail


class Leaver:
    def __reduce__(self):
        return sys.exit, (3,)


def test_unpickling_that_exits_is_a_miss(shelf):
    kept(shelf, Leaver())
    assert shelf.load(Key(), Site())[1].reason == "damaged"


# --- manifest


def manifest_of(path):
    data, (stream, length, *_) = footer(path)
    return data[stream : stream + length]


def test_manifest_is_json_with_the_key_first(shelf):
    odd = 'tab\there "quoted" \\ \x00 \x7f é 😀 \udcff </script>'
    key = Key(**{"argument n": odd})
    path = kept(shelf, [1], key, trace=[["file", "a.csv", 3]], effects={"cwd": "/"})
    text = manifest_of(path)
    assert text.startswith(b'{"key":' + Key().text() + b",")
    assert text.isascii()
    members = json.loads(text)
    assert list(members) == [
        "key", "trace", "effects", "duration", "tokens", "format", "devstash", "python", "module", "qualname", "previews",
        "created", "site", "ttl", "value", "size",
    ]  # fmt: skip
    assert members["previews"] == {"argument n": odd.replace("\udcff", "\ufffd")}
    assert members["site"] == {
        "file": "/home/me/analyse.py",
        "line": 12,
        "scope": "",
        "text": "x = run(3)",
        "name": None,
    }
    assert members["trace"] == [["file", "a.csv", 3]]
    assert members["effects"] == {"cwd": "/"}
    assert members["duration"] == 0.25
    assert members["value"] == "[1]"


def test_json_has_no_word_for_infinity():
    assert manifest.json([float("inf"), float("nan"), 1e300, -0.5, 10**30]) == (
        "[null,null,1e+300,-0.5,1000000000000000000000000000000]"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text('ab\x7f\ud800\U0001f600é\n"', max_size=4), JSON, max_size=4))
def test_both_ways_write_the_same_manifest(members):
    assert manifest._quick(members) in ("", manifest.json(members))


def test_the_quick_way_is_taken():
    members = {"a": [1, 2.5, None, True, "ä\n"], "b": {"c": (), "d": {}}}
    assert manifest._quick(members) == manifest.json(members) != ""
    assert manifest._quick({"a": float("nan")}) == manifest._quick({"a": "\ud800"}) == manifest._quick({"a": 1j}) == ""


def test_created_is_utc():
    assert manifest.rfc3339(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123Z"


class Rude:
    def __new__(cls):
        self = object.__new__(cls)
        object.__getattribute__(self, "__dict__").update(answer=42, _hidden="x")
        return self

    def __repr__(self):
        raise RuntimeError("no repr")

    def __getattribute__(self, name):
        raise RuntimeError("no attributes")


def cyclic():
    value: list[object] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "None"),
        ("text", "'text'"),
        ([1, (2,), {"a": {3}}], "[1, (2,), {'a': {3}}]"),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, … 100]"),
        (cyclic(), "[[[[… 1]]]]"),
        (Rude, f"<class {__name__}.Rude>"),
        (10**2000, "<int of 6644 bits>"),
        (set(), "set()"),
    ],
)
def test_preview_runs_no_code_of_the_value(value, text):
    assert preview.preview(value) == text


def test_preview_of_a_rude_object_shows_its_attributes():
    assert preview.preview(Rude()) == f"{__name__}.Rude(answer=42)"


def test_preview_of_something_huge_is_short():
    assert len(preview.preview([["x" * 10**7] * 1000] * 1000)) == preview.LENGTH


# --- what cannot be pickled


class Holder:
    def __init__(self, **parts):
        self.__dict__.update(parts)


class Slotted:
    __slots__ = ("part", "unset")

    def __init__(self, part):
        self.part = part


class Sulking:
    def __reduce__(self):
        raise OSError("I will not")


LOCK = threading.Lock()


def refused(value, monkeypatch):
    """The words for a value that cannot be pickled, where neither cloudpickle nor dill are installed."""
    for name in ("cloudpickle", "dill"):
        monkeypatch.setitem(sys.modules, name, None)
    sink = writing.Draft("/nowhere")
    with pytest.raises(refusals.Unstorable) as caught:
        pickling.dump(value, sink)
    return caught.value


@pytest.mark.parametrize(
    "value, path",
    [
        (LOCK, "result"),
        ({"key": LOCK}, "result['key']"),
        ({5: [0, {"x" * 50: LOCK}]}, f"result[5][1]['{'x' * 39}…']"),
        (Holder(session=Holder(_lock=LOCK)), "result.session._lock"),
        ((1, Slotted([LOCK])), "result[1].part[0]"),
        (partial(print, LOCK), "result.args[0]"),
        ([Holder(a=1), Holder(b=Holder(c=LOCK))], "result[1].b.c"),
    ],
)
def test_offending_part_is_named(value, path, monkeypatch):
    error = refused(value, monkeypatch)
    assert (error.path, error.what) == (path, "_thread.lock")
    assert "lock" in error.why
    assert str(error).startswith(f"{path}: _thread.lock (")


def test_offender_may_raise_anything(monkeypatch):
    error = refused([Sulking()], monkeypatch)
    assert (error.path, error.what, error.why) == ("result[0]", f"{__name__}.Sulking", "I will not")


def test_nesting_too_deep_is_said(monkeypatch):
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    error = refused(value, monkeypatch)
    assert (error.path, error.what, error.why) == ("result", "list", "it is nested too deeply to be pickled")
    while value:
        value = value.pop()  # type: ignore[assignment]


def test_search_for_the_offender_is_bounded(monkeypatch):
    monkeypatch.setattr(pickling, "_NODES", 10)
    assert refused([[n] for n in range(100)] + [LOCK], monkeypatch).path == "result"


def script(tmp_path, text, first=""):
    """Run a script that has a store `shelf`, a `key` and a `site`, in a process of its own."""
    head = (
        f"import sys; sys.path.insert(0, sys.argv[1])\n{first}"
        "from devstash import refusals, store\n"
        "class Key:\n"
        "    module, qualname, digest, previews = '__main__', 'f', '0123456789abcdef', {}\n"
        "    def text(self): return b'{}'\n"
        "class Site:\n"
        "    file, line, scope, text, name, ttl = 's.py', 1, '', '', None, None\n"
        "    refresh, load, replay = False, None, ()\n"
        "shelf, key, site = store.Store(sys.argv[2]), Key(), Site()\n"
    )
    (tmp_path / "script.py").write_text(head + text)
    result = subprocess.run(
        [sys.executable, str(tmp_path / "script.py"), str(RUNTIME), str(tmp_path / "cache")],
        env={"XDG_DATA_HOME": str(tmp_path / "data"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_classes_of_the_script_come_back_as_themselves(tmp_path):
    text = "class Point:\n    pass\nshelf.save(key, Point(), {})\nprint(type(shelf.load(key, site)[1]) is Point)\n"
    assert script(tmp_path, text) == "True\n"


@pytest.mark.parametrize("package", ["cloudpickle", "dill"])
def test_lambdas_by_the_packages_the_user_has(tmp_path, package):
    pytest.importorskip(package)
    other = "dill" if package == "cloudpickle" else "cloudpickle"
    text = (  # Point has a name and must stay that very class; the others have none
        f"sys.modules[{other!r}] = None\n"
        "class Point:\n    pass\n"
        "def local():\n    class Inner:\n        x = 5\n    return Inner()\n"
        "factor = 3\n"
        "shelf.save(key, [Point(), local(), lambda n: n * factor, Point, Point], {})\n"
        "found, value = shelf.load(key, site)\n"
        "one, inner, triple, again, still = value\n"
        "print(found, type(one) is Point is again is still, inner.x, triple(5))\n"
    )
    assert script(tmp_path, text) == "True True 5 15\n"


@pytest.mark.parametrize("package", ["cloudpickle", "dill"])
def test_no_package_helps_with_a_lock(tmp_path, package):
    pytest.importorskip(package)
    text = (
        "import threading\n"
        "try:\n    shelf.save(key, {'lock': threading.Lock()}, {})\n"
        "except refusals.Unstorable as error:\n    print(error.path, error.what)\n"
    )
    assert script(tmp_path, text) == "result['lock'] _thread.lock\n"


def test_reading_imports_nothing_slow(tmp_path):
    script(tmp_path, "shelf.save(key, {'a': 1}, {})\n")
    # What `import devstash` itself takes is not judged here.
    head = "import devstash; before = set(sys.modules)\n"
    text = "assert shelf.load(key, site)[0]\nprint(*sorted(set(sys.modules) - before))\n"
    modules = set(script(tmp_path, text, head).split())
    assert not modules & {
        "json",
        "pickle",
        "_pickle",
        "functools",
        "types",
        "tempfile",
        "hashlib",
        "re",
        "pathlib",
        "struct",
        "typing",
        "mmap",
    }
    assert {name for name in modules if "devstash" in name} == {
        "devstash.entry",
        "devstash.journal",
        "devstash.plain",
        "devstash.refusals",  # which the script itself imports
        "devstash.secret",
        "devstash.signals",
        "devstash.store",
        "devstash.system",
    }


@pytest.mark.parametrize("package", ["cloudpickle", "dill"])
@pytest.mark.parametrize("part", ["open(sys.argv[0])", "memoryview(b'x')", "threading.RLock()"])
def test_no_package_brings_back_something_else(tmp_path, package, part):
    pytest.importorskip(package)
    text = (
        "import threading\n"
        f"try:\n    shelf.save(key, [lambda: 1, {part}], {{}})\n"
        "except refusals.Unstorable as error:\n    print('refused')\n"
    )
    assert script(tmp_path, text) == "refused\n"


def test_every_number_of_the_format_is_where_the_documentation_says():
    assert entry.TRAILER == b"\x01\0\0\0\0\0\0\0devstash"
    assert (entry.FOOTER, entry.ROW, len(entry.PERSON)) == (104, 40, 16)
    for length in range(2, 130):
        no_ops = writing._no_ops(length)
        assert len(no_ops) == length
        assert pickle.loads(b"\x80\x05" + no_ops + b"K\x07.") == 7


def test_types_without_a_module_are_named():
    assert pickling.type_name(types.SimpleNamespace) == "types.SimpleNamespace"
    assert pickling.type_name(int) == "int"


PLAIN = (
    *(None, True, False, 0, -1, 1, 255, 256, 65535, 65536, -(2**31), 2**31, -(2**63), 10**40, -(10**40)),
    *(
        0.0,
        -0.0,
        1.5,
        float("inf"),
        "",
        "a",
        "ä€😀",
        "\ud800",
        b"",
        b"a",
        b"x" * 300,
        "y" * 300,
        (),
        (1,),
        (1, 2, 3, 4),
    ),
    *([], [1, [2]], {}, {"a": {1: (2,)}}, {1, 2}, frozenset({"a"}), [("a", 1.5)] * 3, {"k": [None] * 1500}),
)


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: repr(value)[:20])
def test_plain_values_are_read_as_pickle_reads_them(value):
    data = pickle.dumps(value, 5)
    mine, real = plain.loads(data + b"rest"), pickle.loads(data)
    assert type(mine) is type(real) and repr(mine) == repr(real)
    if type(value) in (int, str, bytes, tuple, bool) and len(repr(value)) < 4:
        assert mine is real  # `x is 3`
    shared = [value, value]
    twice = plain.loads(pickle.dumps([shared, shared], 5))
    assert twice[0] is twice[1]


@pytest.mark.parametrize("value", [Ellipsis, len, complex(1, 2), bytearray(b"x"), Exception("x"), [range(3)], 1j])
def test_what_is_not_plain_is_left_to_pickle(value):
    with pytest.raises(plain.Unknown):
        plain.loads(pickle.dumps(value, 5))
    with pytest.raises(plain.Unknown):
        plain.loads(b"\x80\x05K")
