"""Which edits of a program are another key, and which are not."""

import importlib
import sys
import textwrap
import types

import pytest
from devstash import key as keys
from devstash.encode import Unkeyable


class Site:
    kind = "call"
    scope = ""
    name = None
    ignore = ()
    env = ()
    files = ()
    version = None


class Call:
    """What call.py describes, as far as key.py looks at it."""

    def __init__(self, callee, *args, **kwargs):
        self.site = Site()
        self.callee = callee
        self.keyed_by = keys.NO_KEY
        self.links = ()
        self.arguments = [(args, kwargs)]
        self.names = {}
        self.bound = None
        self.code = None


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A function that writes a program of several modules, loads it afresh, and keys the call `call(script)`."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def forget():
        for name in set(sys.modules) - before:
            if getattr(sys.modules[name], "__file__", "") and str(tmp_path) in str(sys.modules[name].__file__):
                del sys.modules[name]

    def load(script, call="f(3)", **modules):
        forget()
        for name, text in {"script": script, **modules}.items():
            path = tmp_path / (name.replace(".", "/") + ".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
            if path.parent != tmp_path and not (path.parent / "__init__.py").exists():
                (path.parent / "__init__.py").touch()
        importlib.invalidate_caches()
        module = importlib.import_module("script")
        described = eval("call(" + call.replace("(", ", ", 1), {**vars(module), "call": Call})
        return keys.make_key(described)

    yield load
    forget()


def test_recognises_a_call(program):
    text = "def f(x): return x"
    first, second = program(text), program(text)
    assert first.text() == second.text()
    assert first.digest == second.digest
    assert first.module == "script"
    assert first.qualname == "f"


BASE = """
    LIMIT = 5
    OTHER = 1
    def helper(x):
        return x * LIMIT
    def unrelated(x):
        return x
    class Base:
        factor = 2
        def scale(self, x): return x * self.factor
    class Worker(Base):
        name = "w"
        def run(self, x): return self.scale(x) + self.size
        @property
        def size(self): return 3
        @staticmethod
        def make(): return Worker()
        @classmethod
        def build(cls): return cls()
    TABLE = {"a": lambda x: x + 1, "b": helper}
    def outer(n):
        def inner(x): return x + n
        return inner
    made = outer(4)
    def f(x, y=2):
        def nested(z): return z + 1
        return nested(helper(x)) + y
    def g(x): return TABLE["a"](x)
    def h(x): return Worker().run(x)
    def i(x): return made(x)
    def takes(function, x): return function(x)
    def j(x): return getattr(Worker(), "run")(x)
    def k(x): return globals()["helper"](x)
    alias = helper
    def m(x): return alias(x)
    def even(n): return n == 0 or odd(n - 1)
    def odd(n): return n != 0 and even(n - 1)
    bound = Worker()
"""

MISSES = [
    ("f(3)", "nested(helper(x)) + y", "nested(helper(x)) - y"),
    ("f(3)", "return x * LIMIT", "return x + LIMIT"),
    ("f(3)", "LIMIT = 5", "LIMIT = 6"),
    ("f(3)", "y=2", "y=3"),
    ("f(3)", "return z + 1", "return z + 2"),
    ("g(3)", "lambda x: x + 1", "lambda x: x + 2"),
    ("g(3)", "x * LIMIT", "x - LIMIT"),
    ("h(3)", "x * self.factor", "x + self.factor"),
    ("h(3)", "factor = 2", "factor = 3"),
    ("h(3)", "return 3", "return 4"),
    ("h(3)", "self.scale(x) + self", "self.scale(x) - self"),
    ("bound.run(3)", "self.scale(x) + self", "self.scale(x) - self"),
    ("bound.run(3)", "x * self.factor", "x + self.factor"),
    ("Worker.make()", "return Worker()", "return Worker"),
    ("Worker.build()", "return cls()", "return cls"),
    ("Worker.build()", "factor = 2", "factor = 3"),
    ("i(3)", "return x + n", "return x - n"),
    ("i(3)", "outer(4)", "outer(5)"),
    ("takes(helper, 3)", "x * LIMIT", "x - LIMIT"),
    ("takes(helper, 3)", "LIMIT = 5", "LIMIT = 6"),
    ("takes(made, 3)", "outer(4)", "outer(5)"),
    ("takes(bound.run, 3)", "factor = 2", "factor = 3"),
    ("takes(Worker, 3)", "factor = 2", "factor = 3"),
    ("takes(__import__('functools').partial(helper, 3), 3)", "x * LIMIT", "x - LIMIT"),
    ("j(3)", "x * self.factor", "x + self.factor"),
    ("k(3)", "x * LIMIT", "x - LIMIT"),
    ("m(3)", "x * LIMIT", "x - LIMIT"),
    ("m(3)", "alias = helper", "alias = unrelated"),
    ("even(3)", "n != 0 and", "n > 0 and"),
    ("odd(3)", "n == 0 or", "n < 1 or"),
]

KEEPS = [
    ("f(3)", "return x\n", "return x + 1\n"),
    ("f(3)", "OTHER = 1", "OTHER = 2"),
    ("f(3)", "def helper(x):", "def helper(x: int) -> int:"),
    ("f(3)", "def helper(x):\n", "def helper(x):\n        '''Text.'''\n"),
    ("f(3)", "return x * LIMIT", "return x * LIMIT  # a comment"),
    ("f(3)", "LIMIT = 5\n", "\n\n\n    LIMIT = 5\n"),
    ("f(3)", "LIMIT = 5\n", "import json\n    LIMIT = 5\n"),
    ("f(3)", "return nested(helper(x)) + y", "return (\n            nested(\n              helper(x)) + y)"),
    ("f(3)", "def nested(z): return", "def nested(z):\n            'Text.'\n            return"),
    ("bound.run(3)", "class Base:\n", "class Base:\n        '''Text.'''\n"),
    ("bound.run(3)", "def run(self, x):", "def run(self, x: float):"),
    ("h(3)", "return x\n", "return x + 1\n"),
    ("Worker.build()", "class Worker(Base):\n", "class Worker(Base):\n        '''Text.'''\n"),
]


@pytest.mark.parametrize(("call", "old", "new"), MISSES)
def test_edit_of_reached_code_is_another_key(program, call, old, new):
    assert old in BASE
    before = program(BASE, call)
    assert program(BASE.replace(old, new), call).text() != before.text()
    assert program(BASE, call).text() == before.text(), "undoing an edit finds the old entry"


@pytest.mark.parametrize(("call", "old", "new"), KEEPS)
def test_edit_of_nothing_reached_keeps_the_key(program, call, old, new):
    assert old in BASE
    assert program(BASE, call).text() == program(BASE.replace(old, new), call).text()


# Programs of several modules: script, other modules, what to replace in which module, and whether that is a miss.
MODULES = [
    (
        "from helper import g\ndef f(x): return g(x)",
        {"helper": "def g(x): return x"},
        "return x",
        "return -x",
        True,
    ),
    (
        "import helper\ndef f(x): return helper.g(x)",
        {"helper": "def g(x): return x"},
        "return x",
        "return -x",
        True,
    ),
    ("import helper as h\ndef f(x): return h.LIMIT", {"helper": "LIMIT = 1"}, "LIMIT = 1", "LIMIT = 2", True),
    ("import helper as h\ndef f(x): return h.LIMIT", {"helper": "LIMIT = 1\nX = 1"}, "X = 1", "X = 2", False),
    (
        "import helper as h\ndef f(x): return h.a(x)",
        {"helper": "def a(x): pass\ndef b(x): pass"},
        "b(x): pass",
        "b(x): 1",
        False,
    ),
    (
        "from helper import *\ndef f(x): return g(x)",
        {"helper": "def g(x): return x"},
        "return x",
        "return -x",
        True,
    ),
    (
        "def f(x):\n  from helper import g\n  return g(x)",
        {"helper": "def g(x): return x"},
        "return x",
        "return -x",
        True,
    ),
    (
        "def f(x):\n  import helper\n  return helper.g(x)",
        {"helper": "def g(x): return x"},
        "return x",
        "return -x",
        True,
    ),
    (
        "def f(x):\n  import helper\n  return helper.g(x)",
        {"helper": "def g(x): return x"},
        "return x",
        "return x # c",
        False,
    ),
    (
        "def f(x):\n  import helper\n  return helper.g(x)",
        {"helper": "def g(x): return x\ndef other(x): return x * 2"},
        "x * 2",
        "x * 3",
        False,
    ),
    (
        "def f(x):\n  import helper\n  return helper.g(x)",
        {"helper": "from deep import d\ndef g(x): return d(x)", "deep": "def d(x): return x + 1"},
        "x + 1",
        "x + 2",
        True,
    ),
    (
        "def f(x):\n  import helper\n  return helper.g(x)",
        {"helper": "LIMIT = 1\ndef g(x): return LIMIT"},
        "LIMIT = 1",
        "LIMIT = 2",
        True,
    ),
    (
        "from importlib import import_module\ndef f(x): return import_module('helper').g(x)",
        {"helper": "def g(x): return x"},
        "return x",
        "return -x",
        True,
    ),
    (
        "import helper\ndef f(x): return getattr(helper, 'g')(x)",
        {"helper": "def g(x): return x"},
        "return x",
        "return -x",
        True,
    ),
    (
        "import helper\ndef f(x): return getattr(helper, 'do_' + str(x))(x)",
        {"helper": "def do_1(x): return x"},
        "return x",
        "return -x",
        True,
    ),
    (
        "import helper\ndef use(m): return m.LIMIT\ndef f(x): return use(helper)",
        {"helper": "LIMIT = 1"},
        "LIMIT = 1",
        "LIMIT = 2",
        True,
    ),
    (
        "import helper\ndef f(x): return {n: v for n, v in vars(helper).items() if n.isupper()}",
        {"helper": "LIMIT = 1"},
        "LIMIT = 1",
        "LIMIT = 2",
        True,
    ),
    (
        "import pkg.sub\ndef f(x): return pkg.sub.g(x)",
        {"pkg.sub": "def g(x): return x"},
        "return x",
        "return -x",
        True,
    ),
    (
        "from pkg import g\ndef f(x): return g(x)",
        {"pkg.__init__": "from .sub import g", "pkg.sub": "def g(x): return x"},
        "return x",
        "return -x",
        True,
    ),
    (
        "from pkg.sub import g\ndef f(x): return g(x)",
        {"pkg.sub": "def g(x):\n  from . import low\n  return low.h(x)", "pkg.low": "def h(x): return x + 1"},
        "x + 1",
        "x + 2",
        True,
    ),
    (
        "from a import ping\ndef f(x): return ping(x)",
        {"a": "import b\ndef ping(x): return b.pong(x)", "b": "import a\ndef pong(x): return a and x + 1"},
        "x + 1",
        "x + 2",
        True,
    ),
    (
        "from helper import deco\n@deco\ndef f(x): return x",
        {"helper": "def deco(f):\n  def w(*a): return f(*a) + 1\n  return w"},
        "+ 1",
        "+ 2",
        True,
    ),
    (
        "from helper import deco\n@deco\ndef f(x): return x",
        {"helper": "import functools\ndef deco(f):\n  @functools.wraps(f)\n  def w(*a): return f(*a) + 1\n  return w"},
        "+ 1",
        "+ 2",
        True,
    ),
    (
        "from helper import Color\ndef f(x): return Color.RED",
        {"helper": "import enum\nclass Color(enum.Enum):\n  RED = 1"},
        "RED = 1",
        "RED = 2",
        True,
    ),
    (
        "from helper import P\ndef f(x): return P(1)",
        {"helper": "import dataclasses\n@dataclasses.dataclass\nclass P:\n  a: int\n  b: int = 1"},
        "b: int = 1",
        "b: int = 2",
        True,
    ),
    (
        "from helper import P\ndef f(x): return P(1)",
        {"helper": "import dataclasses\n@dataclasses.dataclass\nclass P:\n  a: int\n  b: int = 1"},
        "a: int",
        "a: str",
        True,
    ),
    (
        "from helper import P\ndef f(x): return P(1).m()",
        {"helper": "import dataclasses\n@dataclasses.dataclass\nclass P:\n  a: int\n  def m(self): return 1"},
        "return 1",
        "return 2",
        True,
    ),
    (
        "from helper import P\ndef f(x): return P()",
        {"helper": "import functools\nclass P:\n  @functools.cached_property\n  def m(self): return 1"},
        "return 1",
        "return 2",
        True,
    ),
    (
        "from helper import P\ndef f(x): return P()",
        {"helper": "class M(type):\n  def __call__(c): return 1\nclass P(metaclass=M): pass"},
        "return 1",
        "return 2",
        True,
    ),
    (
        "from helper import g\ndef f(x): return g.__doc__",
        {"helper": "def g(x):\n  'old'\n  return x"},
        "old",
        "new",
        True,
    ),
    (
        "import inspect\nfrom helper import g\ndef f(x): return inspect.getsource(g)",
        {"helper": "def g(x): return x # old"},
        "old",
        "new",
        True,
    ),
]


@pytest.mark.parametrize(("script", "modules", "old", "new", "misses"), MODULES)
def test_edit_of_another_module(program, script, modules, old, new, misses):
    assert any(old in text for text in modules.values())
    before = program(script, **modules)
    after = program(script, **{name: text.replace(old, new) for name, text in modules.items()})
    assert (before.text() != after.text()) is misses
    assert program(script, **modules).text() == before.text()


def test_a_function_registered_in_a_table_of_another_module_counts(program):
    modules = {
        "registry": "TABLE = {}\ndef register(f):\n  TABLE[f.__name__] = f\n  return f\ndef run(n, x): return TABLE[n](x)",
        "plugin": "from registry import register\n@register\ndef go(x): return x + 1",
    }
    script = "import plugin\nfrom registry import run\ndef f(x): return run('go', x)"
    before = program(script, **modules)
    modules["plugin"] = modules["plugin"].replace("x + 1", "x + 2")
    assert program(script, **modules).text() != before.text()


def test_a_patched_function_counts_as_what_it_is_at_the_call(program):
    text = "import helper\ndef f(x): return helper.g(x)"
    before = program(text, helper="def g(x): return x")
    script = sys.modules["script"]
    script.helper.g = types.FunctionType((lambda x: x * 2).__code__, vars(script))
    after = keys.make_key(Call(script.f, 3))
    assert after.text() != before.text()


def test_a_patched_function_of_an_installed_module_counts(program, monkeypatch):
    text = "import json\ndef f(x): return json.dumps(x)\ndef mine(x): return 'mine'"
    before = program(text)
    script = sys.modules["script"]
    monkeypatch.setattr("json.dumps", script.mine)
    assert keys.make_key(Call(script.f, 3)).text() != before.text()


def test_swapping_two_functions_of_one_name_is_another_key(program):
    text = """
    def make(n):
        def inner(x): return x + n
        return inner
    a, b = make(1), make(2)
    def f(x): return a(x) - b(x) * 2
    """
    assert program(text).text() != program(text.replace("make(1), make(2)", "make(2), make(1)")).text()


def test_swapping_two_classes_of_one_name_is_another_key(program):
    text = """
    def make(n):
        class C:
            value = n
        return C
    a, b = make(1), make(2)
    def f(x): return a.value - b.value * 2
    """
    assert program(text).text() != program(text.replace("make(1), make(2)", "make(2), make(1)")).text()


def test_two_sentinels_are_two_values(program):
    text = "FAST = object()\nSLOW = object()\nclass S: pass\nA = S()\nB = S()\ndef f(x): return x is FAST"
    assert program(text, "f(FAST)").text() != program(text, "f(SLOW)").text()
    assert program(text, "f(A)").text() != program(text, "f(B)").text()
    with pytest.raises(Unkeyable, match="bare object"):
        program(text, "f(object())")


def test_a_docstring_counts_where_the_function_is_handed_to_somebody(program):
    text = "def tool(x):\n    'old'\ndef f(t): return t"
    assert program(text, "f(tool)").text() != program(text.replace("old", "new"), "f(tool)").text()


def test_a_global_that_cannot_be_keyed_is_named(program):
    with pytest.raises(Unkeyable) as caught:
        program("import os\nLOG = open(os.devnull)\ndef f(x): return LOG")
    sys.modules["script"].LOG.close()
    assert caught.value.path == "script.LOG"


def test_plumbing_in_globals_does_not_matter(program):
    program("import threading, logging\nL = threading.Lock()\nG = logging.getLogger()\ndef f(x): return L, G")


def test_recursive_closures_end(program):
    text = """
    def make():
        def a(n): return b(n)
        def b(n): return a(n) + 1
        return a
    f = make()
    """
    assert program(text).text() != program(text.replace("+ 1", "+ 2")).text()


def test_a_marker_does_not_count():
    """A rewritten code object carries the original as its last constant, and counts as that."""
    original = compile("def f(x):\n return g(x)", "s", "exec").co_consts[0]
    rewritten = compile("def f(x):\n return D(7, g)(x)", "s", "exec").co_consts[0]
    rewritten = rewritten.replace(co_consts=(*rewritten.co_consts, ("@devstash", original)))
    plain = keys.make_key(Call(types.FunctionType(original, {"__name__": "__main__"}), 1))
    marked = keys.make_key(Call(types.FunctionType(rewritten, {"__name__": "__main__"}), 1))
    assert plain.text() == marked.text()


def test_an_installed_package_counts_by_its_version(program, tmp_path, monkeypatch):
    folder = tmp_path / "lib" / "site-packages"
    (folder / "thing").mkdir(parents=True)
    (folder / "thing" / "__init__.py").write_text("def go(x): return x")
    (folder / "thing-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(folder))
    from devstash import origin

    def key():
        origin._origins.clear()
        origin._distributions.clear()
        return program("import thing\ndef f(x): return thing.go(x)")

    before = key()
    assert "package thing" in before.components
    (folder / "thing" / "__init__.py").write_text("def go(x): return -x")
    assert key().text() == before.text()
    (folder / "thing-1.0.dist-info").rename(folder / "thing-1.1.dist-info")
    assert key().text() != before.text()


INSTALLED = """
RATE = 1
_rule = None
_calls = 0
def configure(rule):
    global _rule
    _rule = rule
def total(x):
    global _calls
    _calls += 1
    return x * RATE if _rule is None else _rule(x)
def times(n):
    def decorate(function):
        def wrapper(*args):
            return [function(*args) for _ in range(n)]
        return wrapper
    return decorate
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    folder = tmp_path / "lib" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "shop.py").write_text(INSTALLED)
    (folder / "shop-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(folder))


def test_what_the_project_gives_to_a_package_counts(program, installed):
    text = "import shop\ndef rule(x): return x - 1\nshop.configure(rule)\ndef f(x): return shop.total(x)"
    before = program(text)
    sys.modules["script"].f(3)
    assert keys.make_key(Call(sys.modules["script"].f, 3)).text() == before.text(), "a package's own counter"
    assert program(text.replace("x - 1", "x - 2")).text() != before.text()
    text = "import shop\nshop.RATE = 2\ndef f(x): return shop.total(x)"
    assert program(text).text() != program(text.replace("RATE = 2", "RATE = 3")).text()
    text = "import shop\n@shop.times(2)\ndef f(x): return x"
    before = program(text)
    assert program(text.replace("times(2)", "times(3)")).text() != before.text()
    assert program(text.replace("return x", "return -x")).text() != before.text()


def test_the_command_line_counts_where_it_is_read(program, monkeypatch):
    text = "import sys\ndef f(x): return sys.argv[1]\ndef g(x): return sys.maxsize"
    monkeypatch.setattr(sys, "argv", ["s", "a"])
    reading, other = program(text), program(text, "g(3)")
    monkeypatch.setattr(sys, "argv", ["s", "b"])
    assert program(text).text() != reading.text()
    assert program(text, "g(3)").text() == other.text()


def test_registered_and_listed_classes_count(program):
    text = """
    import abc
    class Shape(abc.ABC): pass
    class Square:
        sides = 4
    Shape.register(Square)
    def f(x): return isinstance(x, Shape)
    class Plugin: pass
    class One(Plugin):
        name = "one"
    def g(x): return [p.name for p in Plugin.__subclasses__()]
    """
    assert program(text).text() != program(text.replace("Shape.register(Square)", "0")).text()
    assert program(text).text() != program(text.replace("sides = 4", "sides = 5")).text()
    assert program(text, "g(3)").text() != program(text.replace('"one"', '"two"'), "g(3)").text()


def test_keying_imports_nothing(program, tmp_path):
    loaded = program("def f(x):\n  import lazily\n  return lazily.g(x)", lazily="print('imported')\ndef g(x): return x")
    assert list(loaded.reach.unimported) == ["lazily"]
    assert "lazily" not in sys.modules
