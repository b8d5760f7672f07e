"""From a described call to its key: binding, receivers, options of the marker, previews."""

import functools
import json
import os
import re
import sys
import types
from pathlib import Path

import pytest
from devstash import ambient, previews
from devstash import key as keys
from devstash.bind import bind
from devstash.encode import Unkeyable
from devstash.hiding import HIDDEN
from devstash.preview import glimpse


class Site:
    kind = "call"
    scope = ""
    name = None
    ignore = ()
    env = ()
    files = ()
    version = None


class Call:
    def __init__(self, callee, *args, **kwargs):
        self.site = Site()
        self.callee = callee
        self.keyed_by = keys.NO_KEY
        self.links = ()
        self.arguments = [(args, kwargs)]
        self.names = {}
        self.bound = None
        self.code = None

    def having(self, **options):
        for name, value in options.items():
            setattr(self.site if hasattr(Site, name) else self, name, value)
        return self


def text(callee, *args, **kwargs):
    return keys.make_key(Call(callee, *args, **kwargs)).text()


def f(x, y=2, *rest, z=3, **more):
    return x


def positional(a, /, **more):
    return a


class Loader:
    def __init__(self, path, mode="fast"):
        self.path = path
        self.mode = mode

    def load(self, count=1):
        return self.path * count

    def __call__(self, x):
        return x

    @classmethod
    def make(cls, path):
        return cls(path)


def test_one_call_in_any_spelling():
    assert text(f, 3) == text(f, 3, 2) == text(f, x=3, y=2) == text(f, y=2, x=3) == text(f, 3, z=3)
    assert text(f, 3) != text(f, 3, 4)
    assert text(f, 3, 2, 9) != text(f, 3, 2)
    assert text(f, 3, q=1, r=2) != text(f, 3, r=2, q=1), "the order of further keywords can be seen"
    assert text(Loader, "a") == text(Loader, path="a", mode="fast")
    assert text(f, 1) != text(f, True) != text(f, 1.0)


def many(a, b=1, /, c=2, *d, e, g=3, **h):
    return {"a": a, "b": b, "c": c, "*d": d, "e": e, "g": g, "h": h}


def plain(x, y=2, *rest, z=3, **h):
    return {"x": x, "y": y, "*rest": rest, "z": z, "h": h}


def few(a, /, **h):
    return {"a": a, "h": h}


def none(*items):
    return {"*items": items}


@pytest.mark.parametrize("function", [many, plain, few, none, lambda **h: {"h": h}])
@pytest.mark.parametrize("args", [(), (1,), (1, 5), (1, 5, 6), (1, 5, 6, 7)])
@pytest.mark.parametrize("kwargs", [{}, {"x": 4}, {"e": 4}, {"y": 9}, {"a": 4}, {"e": 8, "q": 9, "b": 4}])
def test_binding_agrees_with_python(function, args, kwargs):
    found = bind(function, args, kwargs).arguments
    try:
        given = function(*args, **kwargs)
    except TypeError:
        assert [name for name, _ in found] == [*map(str, range(1, len(args) + 1)), *kwargs]
        return
    further = given.pop("h", {})
    defaults = {"b": 1, "c": 2, "g": 3, "y": 2, "z": 3}
    expected = {name: value for name, value in given.items() if value not in (defaults.get(name), ())}
    positional_only = function.__code__.co_varnames[: function.__code__.co_posonlyargcount]
    expected.update({f"**{name}" if name in positional_only else name: v for name, v in further.items()})
    assert dict(found) == expected


def test_a_keyword_is_not_taken_for_a_positional_only_parameter():
    assert text(positional, 1, a=2) != text(positional, 2, a=1)
    key = keys.make_key(Call(positional, 1, a=2))
    assert {"argument a", "argument **a"} <= set(key.components)


def test_what_does_not_bind_is_keyed_as_given():
    key = keys.make_key(Call(f))
    assert not any(name.startswith("argument") for name in key.components)
    assert "argument 1" in keys.make_key(Call(len, [1])).components
    assert text(dict, a=1, b=2) != text(dict, b=2, a=1)


def test_a_wrapper_lends_its_names_but_may_tell_spellings_apart():
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        return f(*args, **kwargs)

    key = keys.make_key(Call(wrapper, 3))
    assert "argument x" in key.components
    assert text(wrapper, 3) != text(wrapper, x=3)
    cached = functools.lru_cache(f)
    before = text(cached, 3)
    cached(3)
    assert before == text(cached, 3) == text(cached, x=3)


def test_the_receiver_counts():
    first, second = Loader("a"), Loader("b")
    assert text(first.load) != text(second.load)
    assert text(first.load) == text(Loader("a").load)
    assert text(first, 1) != text(second, 1)
    assert text([1].count, 1) != text([2].count, 1)
    assert "receiver" in keys.make_key(Call("a".join, ["b"])).components
    ignoring = [keys.make_key(Call(one.load).having(ignore=("self",))).text() for one in (first, second)]
    assert ignoring[0] == ignoring[1]
    assert text(Loader.make, "a") != text(type("Sub", (Loader,), {}).make, "a")


def test_ignored_arguments_do_not_count():
    def key(*args, **kwargs):
        return keys.make_key(Call(f, *args, **kwargs).having(ignore=("y", "more", "rest"))).text()

    assert key(1, 5) == key(1, 6) == key(1, 5, 7, 8) != key(2, 5)
    assert keys.make_key(Call(f, open).having(ignore=("x",)))


def test_an_argument_that_cannot_be_keyed_is_named(tmp_path):
    with open(tmp_path / "x", "w") as file, pytest.raises(Unkeyable) as caught:
        keys.make_key(Call(f, [1, {"a": file}]))
    assert caught.value.path == "x[1]['a']"


def test_key_stands_for_the_arguments_but_not_for_the_receiver():
    def key(callee, argument, value):
        return keys.make_key(Call(callee, argument).having(keyed_by=value)).text()

    assert key(f, 1, "v") == key(f, 2, "v") != key(f, 1, "w")
    assert key(f, 1, None) != text(f, 1)
    assert key(Loader("a").load, 1, "v") != key(Loader("b").load, 1, "v")


def test_links_of_a_chain_count():
    def chain(links, *arguments):
        return keys.make_key(Call(f).having(links=links, arguments=[((1,), {}), *arguments]))

    one = chain((".json()",), ((), {}))
    assert one.text() != chain((".text()",), ((), {})).text()
    two = chain((".get()", "[]"), (("a",), {"k": 1}), (("b",), {}))
    assert {"link 2 argument 1", "link 2 argument k", "link 3 argument 1"} <= set(two.components)
    assert two.text() != chain((".get()", "[]"), (("a",), {"k": 1}), (("c",), {})).text()


def test_environment_variables_count(monkeypatch):
    def key():
        return keys.make_key(Call(f, 1).having(env=("MODE",))).text()

    monkeypatch.delenv("MODE", raising=False)
    absent = key()
    monkeypatch.setenv("MODE", "")
    empty = key()
    monkeypatch.setenv("MODE", "a")
    assert len({absent, empty, key()}) == 3


def test_files_count(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def key():
        return keys.make_key(Call(f, 1).having(files=("data/**/*.csv",))).text()

    nothing = key()
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "deep" / "a.csv").write_text("1")
    one = key()
    (tmp_path / "data" / "deep" / "a.csv").write_text("2")
    two = key()
    (tmp_path / "data" / "b.txt").write_text("2")
    assert key() == two
    (tmp_path / "data" / "deep" / "a.csv").rename(tmp_path / "data" / "b.csv")
    assert len({nothing, one, two, key()}) == 4


def test_a_version_counts():
    assert keys.make_key(Call(f, 1).having(version="2")).text() != text(f, 1)


def test_an_expression_counts_by_its_code_and_names():
    def key(source, **names):
        code = compile(source, "s", "eval")
        return keys.make_key(Call(None).having(kind="expression", code=code, names=names, arguments=[]))

    assert key("a + b", a=1, b=2).text() == key("a  +  b", a=1, b=2).text()
    assert key("a + b", a=1, b=2).text() != key("a - b", a=1, b=2).text()
    assert key("a + b", a=1, b=2).text() != key("a + b", a=1, b=3).text()
    one, two = (lambda: 1), (lambda: 2)
    assert key("h", h=one).text() != key("h", h=two).text()
    assert key("a", a=1).qualname == "expression"


def test_a_marked_function_counts_its_parameters():
    def key(**bound):
        return keys.make_key(Call(f).having(kind="function", bound=bound)).text()

    assert key(x=1, y=2) == key(x=1, y=2) != key(x=1, y=3)


def test_arguments_are_told_from_ignored_ones():
    rows = [1]
    assert keys.given(Call(f, rows)) == [("x", rows, False)]
    assert keys.given(Call(f, rows).having(ignore=("x",))) == [("x", rows, True)]


def test_a_key_can_be_read():
    key = keys.make_key(Call(f, 'a"b', é="ü", token="t0p"))
    read = json.loads(key.text())
    assert list(read) == list(key.components)
    assert all(len(digest) == 32 for digest in read.values())
    assert len(key.digest) == 16
    assert key.previews["argument x"] == "'a\"b'"
    assert key.previews["argument token"] == HIDDEN


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [
        (3, "", "3"),
        ("x" * 100, "", "'" + "x" * 58 + "…"),
        ([1, 2, 3, 4, 5], "", "[1, 2, 3, 4, … 5]"),
        ({"a": 1, "api_key": "secret"}, "", "{'a': 1, 'api_key': (hidden)}"),
        ("hunter2", "password", HIDDEN),
        ("abc", "authorization", HIDDEN),
        ("sk-abc", "", HIDDEN),
        (5, "max_tokens", "5"),
        (int, "", "<class int>"),
        (Loader("a"), "", f"{__name__}.Loader(path='a', mode='fast')"),
        (len, "", "<builtin_function_or_method len>"),
        (10**1000, "", "<int of 3322 bits>"),
    ],
)
def test_previews(value, name, expected):
    assert glimpse(value, name) == expected


LIMIT = 3
API_KEY = "hush"


def reading(rows):
    def inner(row):
        return row + LIMIT

    return [inner(row) for row in rows], API_KEY, Child, json


class Child(Loader):
    @property
    def length(self):
        return len(self.path)

    @staticmethod
    def nothing():
        pass


def test_components_have_previews(monkeypatch):
    folder = os.path.dirname(__file__)
    monkeypatch.chdir(folder)
    call = Call(reading, [1]).having(env=("HOME", "NOBODY_SETS_THIS"), version="2")
    monkeypatch.setenv("HOME", "/somewhere")
    key = keys.make_key(call)
    before = key.text()
    first = {
        name: line
        for line, text in enumerate(Path(__file__).read_text().splitlines(), 1)
        for name in re.findall(r"^ *(?:def|class) (\w+)", text)
    }
    child = first["Child"] if sys.version_info >= (3, 13) else first["length"] - 1
    expected = {
        "callable": f"{__name__}.reading",
        f"class {__name__}.Child": f"test_key.py:{child}-{first['nothing'] + 1}",
        f"function {__name__}.Child.length": f"test_key.py:{first['length'] - 1}-{first['length'] + 1}",
        f"function {__name__}.Child.nothing": f"test_key.py:{first['nothing'] - 1}-{first['nothing'] + 1}",
        f"function {__name__}.reading": f"test_key.py:{first['reading']}-{first['reading'] + 4}",
        f"global {__name__}.API_KEY": HIDDEN,
        f"global {__name__}.LIMIT": "3",
        "argument rows": "[1]",
        "env HOME": "'/somewhere'",
        "env NOBODY_SETS_THIS": "not set",
        "version": "'2'",
        "python": "CPython %d.%d" % sys.version_info[:2],
    }
    found = key.previews
    assert {name: text for name, text in found.items() if name in expected} == expected
    assert re.fullmatch(re.escape(f"in {folder}, time zone ") + r".+", found["surroundings"])
    assert key.text() == before
    # The next key of this function is made from what is remembered, and tells the same.
    for _ in range(3):
        again = keys.make_key(call)
        assert again.separate().text() == before
        keys.reach_of(call, again)
        assert again.previews == found


def test_surroundings_in_words():
    usual = {"folder": "/a", "decimal": None, "locale": None, "time zone": ("UTC", "UTC"), "offset": 0}
    assert previews._in_words(usual) == "in /a, time zone UTC"
    odd = {
        "folder": "/a/" + "b" * 500,
        "decimal": (50, "ROUND_UP", *ambient.USUAL[2:]),
        "locale": ("C", "de_DE.UTF-8", "C", "C"),
        "time zone": ("CET", "CEST"),
        "offset": -3600,
    }
    told = f"in /a/{'b' * 57}…{'b' * 60}, decimal precision 50, ROUND_UP, locale C/de_DE.UTF-8, time zone CET (UTC+1)"
    assert previews._in_words(odd) == told


def test_previews_never_fail():
    class Bad:
        def __repr__(self):
            raise ValueError

        def __getattr__(self, name):
            raise ValueError

    assert glimpse([Bad()]) == f"[{__name__}.test_previews_never_fail.<locals>.Bad()]"[:59] + "…"
    assert len(glimpse([[["x" * 100] * 100] * 100] * 100)) <= 60


def test_a_key_of_code_without_a_module():
    function = types.FunctionType(f.__code__, {}, "nowhere")
    assert keys.make_key(Call(function, 1)).components


def plain(a, b=2, *, c=3.5, d=None):
    return a


def only_by_place(a, b="x", /):
    return a


def starred(a, *rest, **more):
    return a


def bare():
    return 1


SHAPES = [
    (plain, (1,), {}),
    (plain, (1, 2), {}),
    (plain, (1, 2.0), {}),
    (plain, (1, True), {}),
    (plain, (True,), {}),
    (plain, (1.0,), {}),
    (plain, (0.0,), {}),
    (plain, (-0.0,), {}),
    (plain, (float("nan"),), {}),
    (plain, ("1",), {}),
    (plain, (b"1",), {}),
    (plain, (None,), {}),
    (plain, (), {"b": 1, "a": 2}),
    (plain, (), {"a": 2, "b": 1}),
    (plain, (2, 1), {}),
    (plain, (1,), {"c": 3.5}),
    (plain, (1,), {"c": 3}),
    (plain, (1,), {"d": None, "c": 1.5}),
    (plain, (1,), {"c": 1.5, "d": None}),
    (plain, ("x" * 2000,), {}),
    (plain, ([1],), {}),
    (only_by_place, (1,), {}),
    (only_by_place, (1, "x"), {}),
    (only_by_place, (1, "y"), {}),
    (starred, (1,), {}),
    (starred, (1, 2), {}),
    (starred, (1, 2), {"k": 3}),
    (starred, (1,), {"rest": 3}),
    (bare, (), {}),
]


def test_keys_made_from_what_is_remembered_are_those_made_anew():
    site = Site()
    made = []
    for _ in range(5):
        for function, args, kwargs in SHAPES:
            call = Call(function, *args, **kwargs)
            call.site = site
            made.append(keys.make_key(call))
    anew = [keys.make_key(Call(function, *args, **kwargs), anew=True) for function, args, kwargs in SHAPES] * 5
    assert [key.text() for key in made] == [key.text() for key in anew]
    assert [key.components for key in made] == [key.components for key in anew]
    assert [key.digest for key in made] == [key.digest for key in anew]
    assert made[-1].reach is None and made[-len(SHAPES)].reach is None  # nothing was walked
    ignoring = Call(plain, 1, 5).having(ignore=("b",))
    for _ in range(3):
        assert keys.make_key(ignoring).text() == keys.make_key(Call(plain, 1)).text()
    for version in ("1", "2"):
        other = Call(plain, 1).having(version=version)
        assert len({keys.make_key(other).text() for _ in range(3)}) == 1
        assert keys.make_key(other).text() == keys.make_key(other, anew=True).text()


def test_a_planned_key_is_the_key():
    """Keys made without a walk, and written in one go, are those that a walk gives, also with defaults and keywords."""

    def f(a, b=2, *, c="x", d=None):
        return a

    site = Site()
    given = [
        ((1,), {}),
        ((1, 2), {}),
        ((1, 3), {}),
        ((1,), {"c": "y"}),
        ((2,), {"d": 1.5}),
        (("1",), {}),
        ((True,), {}),
    ]
    planned = []
    for _ in range(5):
        planned = []
        for args, kwargs in given:
            call = Call(f, *args, **kwargs)
            call.site = site
            planned.append(keys.make_key(call))
    plans = keys._walks[id(f)].plans
    assert len(plans) == 4 and None not in plans.values()  # one for each form in which it is called
    for made, (args, kwargs) in zip(planned, given):
        anew = keys.make_key(Call(f, *args, **kwargs), anew=True)
        assert (made.text(), made.components) == (anew.text(), anew.components)
    texts = {keys.make_key(Call(f, *args, **kwargs)).text() for args, kwargs in given}
    assert len(texts) == 6  # `b` given as its default is no other call
