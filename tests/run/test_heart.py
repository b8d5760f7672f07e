"""The heart: fail closed, what is in the key, and the entry file."""

import os
import pickle
import stat
import subprocess
import sys

import pytest
from harness import hits


def run_logged(stash, text, *args, **keywords):
    """Run a script once, successfully and silently, and return how often something was logged."""
    stash.write("s.py", text, log=True)
    before = len(stash.executions())
    stash.ok("s.py", *args, **keywords)
    return len(stash.executions()) - before


# --- fail closed ----------------------------------------------------------------------------------------------------

UNKEYABLE = {
    "file": ("f(open(__file__))", "_io.TextIOWrapper"),
    "nested": ("f({'messages': [0, 1, {'attachment': open(__file__, 'rb')}]})", "BufferedReader"),
    "generator": ("f(i for i in [1])", "generator"),
    "iterator": ("f(iter([1]))", "list_iterator"),
    "in_an_object": ("f(Holder(open(__file__)))", "_io.TextIOWrapper"),
    "receiver": ("Holder(open(__file__)).m(1)", "_io.TextIOWrapper"),
    "keyword": ("f(x=1, y=open(__file__))", "_io.TextIOWrapper"),
    "frame": ("f(sys._getframe())", "frame"),
    "coroutine": ("f(coroutine())", "coroutine"),
}


@pytest.mark.parametrize("name", UNKEYABLE)
def test_what_cannot_be_keyed_runs_uncached(stash, name):
    call, offender = UNKEYABLE[name]
    stash.write(
        "s.py",
        f"""
        import sys, warnings
        warnings.simplefilter("ignore")
        class Holder:
            def __init__(self, inner):
                self.inner = inner
            def m(self, n):
                log("called")
                return n
        async def coroutine():
            pass
        def f(x, y=0):
            log("called")
            return 5
        for _ in range(2):
            result = {call}  # @devstash
        print(result)
        """,
        log=True,
    )
    for _ in range(2):
        outcome = stash.run("s.py")
        assert outcome.status == 0
        assert outcome.stdout in ("5\n", "1\n")
        lines = outcome.stderr.splitlines()
        assert len(lines) == 1, outcome
        assert "s.py:" in lines[0] and offender in lines[0]
        if name == "nested":
            assert "['messages'][2]['attachment']" in lines[0].replace('"', "'")
    assert stash.executions() == ["called"] * 4
    assert stash.entries() == []


@pytest.mark.parametrize(
    "value, offender",
    [
        ("open(__file__)", "TextIOWrapper"),
        ("lambda: 0", "lambda"),
        ("[1, {'session': __import__('threading').Lock()}]", "lock"),
        ("type('Local', (), {})()", "Local"),
    ],
)
def test_what_cannot_be_stored_is_returned_uncached(stash, value, offender):
    # As for a user who has neither of the two that can pickle more.
    for absent in ("cloudpickle.py", "dill.py"):
        stash.write(absent, "raise ImportError\n")
    stash.write(
        "s.py",
        f"""
        def f(n):
            log(n)
            return {value}
        result = f(1)  # @devstash
        print(type(result).__name__)
        """,
        log=True,
    )
    expected = stash.plain("s.py")
    for _ in range(2):
        outcome = stash.run("s.py")
        assert (outcome.stdout, outcome.status) == (expected.stdout, 0)
        assert len(outcome.stderr.splitlines()) == 1 and offender in outcome.stderr, outcome
        if "session" in value:
            assert "session" in outcome.stderr
    assert stash.entries() == []


def test_cloudpickle_is_used_where_the_user_has_it(stash):
    pytest.importorskip("cloudpickle")
    hits(stash, "def f(n):\n    log(n)\n    return lambda k: k + n\nprint(f(1)(2))  # @devstash\n")


def test_exceptions_are_never_cached(stash):
    text = """
    import sys
    def f(n):
        log(n)
        if len(sys.argv) > 1:
            raise ValueError(n)
        return n
    try:
        print(f(1))  # @devstash
    except ValueError:
        print("failed")
    """
    stash.write("s.py", text, log=True)
    assert stash.ok("s.py", "fail") == "failed\n"
    assert stash.entries() == []
    assert stash.ok("s.py") == "1\n"
    assert len(stash.executions()) == 2


@pytest.mark.parametrize(
    "value", ["None", "False", "0", "''", "[]", "{}", "()", "b''", "set()", "float('nan')", "-0.0"]
)
def test_empty_values_hit(stash, value):
    hits(stash, f"def f(n):\n    log(n)\n    return {value}\nprint(f(1))  # @devstash\n")


def test_a_call_that_changes_its_argument_is_not_cached_wrongly(stash):
    stash.write(
        "s.py",
        """
        def fill(rows):
            rows.append(len(rows))
            return len(rows)
        class Model:
            def fit(self, n):
                self.n = n
                return self
        rows = []
        count = fill(rows)  # @devstash
        model = Model()
        fitted = model.fit(3)  # @devstash
        print(count, rows, model.n, fitted is model)
        """,
    )
    for _ in range(3):
        outcome = stash.run("s.py")
        assert (outcome.stdout, outcome.status) == ("1 [0] 3 True\n", 0)


def test_a_result_that_is_the_argument_stays_that_object(stash):
    stash.write(
        "s.py",
        """
        def same(rows):
            return rows
        rows = [1]
        again = same(rows)  # @devstash
        again.append(2)
        print(rows, again is rows)
        """,
    )
    for _ in range(3):
        outcome = stash.run("s.py")
        assert (outcome.stdout, outcome.status) == ("[1, 2] True\n", 0)


# --- the key --------------------------------------------------------------------------------------------------------


def test_receivers_are_told_apart(stash):
    printed, first, second = stash.script_twice(
        """
        class Loader:
            def __init__(self, path):
                self.path = path
            def load(self):
                log(self.path)
                return "content of " + self.path
        a = Loader("a.pdf").load()  # @devstash
        b = Loader("b.pdf").load()  # @devstash
        c = Loader("a.pdf").load()  # @devstash
        one, two = Loader("c.pdf"), Loader("d.pdf")
        print(a, b, c, one.load(), two.load())  # @devstash
        """
    )
    assert printed == "content of a.pdf content of b.pdf content of a.pdf content of c.pdf content of d.pdf\n"
    assert first == ["a.pdf", "b.pdf", "c.pdf", "d.pdf"]
    assert second == []


def test_a_receiver_that_changed_is_another_one(stash):
    printed, first, second = stash.script_twice(
        """
        class Counter:
            def __init__(self):
                self.n = 0
            def read(self):
                log(self.n)
                return self.n
        c = Counter()
        x = c.read()  # @devstash
        c.n = 5
        y = c.read()  # @devstash
        print(x, y)
        """
    )
    assert (printed, first, second) == ("0 5\n", ["0", "5"], [])


DISTINCT = [
    ("1", "True"),
    ("1", "1.0"),
    ("0.0", "-0.0"),
    ("'1'", "1"),
    ("'a'", "b'a'"),
    ("b'a'", "bytearray(b'a')"),
    ("[1, 2]", "(1, 2)"),
    ("[1, 2]", "[2, 1]"),
    ("[[1], 2]", "[1, [2]]"),
    ("['ab', 'c']", "['a', 'bc']"),
    ("{'a': 1}", "{'a': 2}"),
    ("{1, 2}", "frozenset({1, 2})"),
    ("None", "False"),
    ("''", "None"),
    ("range(3)", "[0, 1, 2]"),
    ("10**30", "10**30 + 1"),
    ("P(1)", "P(2)"),
    ("P(1)", "Q(1)"),
    ("NT(1, 2)", "(1, 2)"),
    ("E.A", "E.B"),
    ("D(1)", "D(2)"),
    ("len", "sum"),
    ("P", "Q"),
    ("datetime(2020, 1, 1)", "datetime(2020, 1, 1, tzinfo=timezone.utc)"),
    ("Decimal('1.0')", "Decimal('1.00')"),
    ("Path('a')", "'a'"),
    ("lambda: 1", "lambda: 2"),
    ("partial(f, 1)", "partial(f, 2)"),
    ("'é'", "'e\\u0301'"),
    ("I(1)", "1"),
]

TYPES = """
import collections, enum
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path

class P:
    def __init__(self, n):
        self.n = n
class Q(P):
    pass
class I(int):
    pass
NT = collections.namedtuple("NT", "a b")
class E(enum.Enum):
    A = 1
    B = 2
@dataclass
class D:
    n: int

def f(x, *rest):
    log("f")
    return type(x).__name__
"""


@pytest.mark.parametrize("one, other", DISTINCT)
def test_different_arguments_are_different_calls(stash, one, other):
    text = TYPES + f"a = f({one})  # @devstash\nb = f({other})  # @devstash\nprint(a, b)\n"
    _, first, second = stash.script_twice(text)
    assert first == ["f", "f"]
    assert second == []


SAME = [
    ("f(3)", "f(x=3)"),
    ("g(3)", "g(3, 2)"),
    ("g(3)", "g(y=2, x=3)"),
    ("g(3, z=1)", "g(z=1, x=3)"),
    ("f({1, 2, 3})", "f({3, 2, 1})"),
    ("f('ab')", "f('a' + 'b')"),
    ("f([1, 2])", "f([1] + [2])"),
    ("f(float('nan'))", "f(float('nan'))"),
    ("f([big, big])", "f([big, list(big)])"),
    ("f(*[1])", "f(1)"),
]


@pytest.mark.parametrize("one, other", SAME)
def test_equal_arguments_are_one_call(stash, one, other):
    text = f"""
    big = [1, 2, 3]
    def f(x):
        log("f")
        return str(x)
    def g(x, y=2, **more):
        log("g")
        return str(x)
    a = {one}  # @devstash
    b = {other}  # @devstash
    print(type(a), type(b))
    """
    _, first, second = stash.script_twice(text)
    assert len(first) == 1
    assert second == []


def test_sets_and_dicts_hit_whatever_the_hash_seed(stash):
    text = """
    def f(x):
        log("f")
        return len(x)
    print(f({"a", "b", "c", "d"}), f(frozenset("xyz")), f({"k": {"v", "w"}}))  # @devstash
    """
    assert run_logged(stash, text, env={"PYTHONHASHSEED": "1"}) == 3
    for seed in ("2", "3", "random"):
        assert run_logged(stash, text, env={"PYTHONHASHSEED": seed}) == 0


CODE = """
import helper
LIMIT = 3

def inner(n):
    return n * LIMIT

def f(n):
    log("f")
    return inner(n) + helper.add(n)

def unrelated():
    return 1

print(f(2))  # @devstash
"""

HELPER = "STEP = 1\n\ndef add(n):\n    return n + STEP\n"

INVALIDATING = {
    "body": ("return inner(n) +", "return inner(n) + 0 +"),
    "helper function": ("return n * LIMIT", "return n * LIMIT * 1"),
    "global": ("LIMIT = 3", "LIMIT = 4"),
    "default": ("def f(n):", "def f(n, m=1):"),
}
KEEPING = {
    "comment": ('    log("f")', '    # a comment\n    log("f")  # another'),
    "lines moved": ("import helper", "import helper\n\n\n"),
    "docstring": ("def f(n):", 'def f(n):\n    "Now with a docstring."'),
    "unrelated function": ("return 1", "return 2"),
    "formatting": ("inner(n) + helper", "inner( n )+helper"),
    "annotation": ("def f(n):", "def f(n: int) -> int:"),
    "unused import": ("import helper", "import helper, json"),
}


@pytest.mark.parametrize("name", INVALIDATING)
def test_edited_code_misses_and_the_edit_undone_hits_again(stash, name):
    old, new = INVALIDATING[name]
    assert CODE.count(old) == 1
    stash.write("helper.py", HELPER)
    assert run_logged(stash, CODE) == 1
    assert run_logged(stash, CODE) == 0
    assert run_logged(stash, CODE.replace(old, new)) == 1
    assert run_logged(stash, CODE.replace(old, new)) == 0
    assert run_logged(stash, CODE) == 0


@pytest.mark.parametrize("name", KEEPING)
def test_edits_without_meaning_keep_the_entry(stash, name):
    old, new = KEEPING[name]
    stash.write("helper.py", HELPER)
    assert run_logged(stash, CODE) == 1
    assert run_logged(stash, CODE.replace(old, new)) == 0


@pytest.mark.parametrize("old, new", [("return n + STEP", "return n - STEP"), ("STEP = 1", "STEP = 2")])
def test_edited_module_of_the_project_misses(stash, old, new):
    stash.write("helper.py", HELPER)
    assert run_logged(stash, CODE) == 1
    stash.write("helper.py", HELPER.replace(old, new) + "# a longer file: its time stamp may be the same\n")
    assert run_logged(stash, CODE) == 1
    stash.write("helper.py", HELPER)
    assert run_logged(stash, CODE) == 0


def test_class_of_a_receiver_counts(stash):
    text = """
    class Base:
        def scale(self):
            return 2
    class C(Base):
        def f(self, n):
            log("f")
            return n * self.scale()
    print(C().f(2))  # @devstash
    """
    assert run_logged(stash, text) == 1
    assert run_logged(stash, text.replace("return 2", "return 3")) == 1
    assert run_logged(stash, text) == 0


def test_expression_is_keyed_by_its_code_and_names(stash):
    text = """
    class N:
        def __init__(self, n):
            self.n = n
        def __add__(self, other):
            log("added")
            return self.n + other
    a, b = N(1), 2
    y = a + b  # @devstash
    print(y)
    """
    assert run_logged(stash, text) == 1
    assert run_logged(stash, text) == 0
    assert run_logged(stash, text.replace("N(1), 2", "N(1), 3")) == 1
    assert run_logged(stash, text.replace("N(1), 2", "N(4), 2")) == 1
    assert run_logged(stash, text.replace("a + b ", "a + (b + 0) ")) == 1
    assert run_logged(stash, text) == 0


def test_pythons_do_not_share_entries(stash):
    """One folder, two minor versions of Python: each has its own entries."""
    import glob

    others = [
        path
        for path in glob.glob(os.path.join(os.path.dirname(os.path.dirname(sys.prefix)), "*", "bin", "python"))
        if subprocess.run([path, "-c", f"import sys; sys.exit(sys.version_info[:2] == {sys.version_info[:2]} or sys.version_info < (3, 9))"]).returncode == 0
    ] + [path for path in glob.glob(os.path.join(os.path.dirname(sys.prefix), "3.*", "bin", "python"))
         if not path.startswith(sys.prefix)]  # fmt: skip
    if not others:
        pytest.skip("no second Python of the test environments is here")
    text = "def f(n):\n    log(n)\n    return n\nprint(f(1))  # @devstash\n"
    assert run_logged(stash, text) == 1
    stash.python = others[0]
    assert run_logged(stash, text) == 1
    assert run_logged(stash, text) == 0
    stash.python = sys.executable
    assert run_logged(stash, text) == 0
    assert len(stash.entries()) == 2


# --- the entry file -------------------------------------------------------------------------------------------------


def one_entry(stash, value, prelude=""):
    stash.write("s.py", f"{prelude}\ndef f(n):\n    return {value}\nx = f(1)  # @devstash\nprint(type(x))\n")
    stash.twice("s.py")
    return stash.entry()


@pytest.mark.parametrize(
    "value",
    [
        "None",
        "[1, 'a', {'b': (2.5, None)}]",
        "'x' * 1000000",
        "b'y' * 1000000",
        "{i: str(i) for i in range(1000)}",
        "bytearray(b'z' * 100000)",
    ],
)
def test_entry_is_a_plain_pickle(stash, value):
    entry = one_entry(stash, value)
    with open(entry, "rb") as file:
        assert pickle.load(file) == eval(value)
    assert pickle.loads(entry.read_bytes()) == eval(value)
    # Also for somebody who has no devstash, in another process.
    code = "import pickle, sys; print(type(pickle.load(open(sys.argv[1], 'rb'))).__name__)"
    printed = subprocess.check_output([sys.executable, "-I", "-c", code, str(entry)], universal_newlines=True)
    assert printed.strip() == type(eval(value)).__name__


def test_folder_is_polite(stash):
    one_entry(stash, "1")
    folder = stash.cache
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text().strip() == "*"
    assert (folder / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")
    assert [path.name for path in folder.iterdir() if "readme" in path.name.lower()]
    assert stash.left_over() == []


def test_folder_keeps_its_mode_whatever_the_umask(stash):
    stash.write("s.py", 'import os\nx = len("abc")  # @devstash\nprint(oct(os.umask(0)))\n')
    outcome = stash.command("sh", "-c", 'umask 000; exec "$@"', "sh", *stash.argv("s.py"))
    assert outcome.raw == (b"0o0\n", b"", 0)
    assert stat.S_IMODE(stash.cache.stat().st_mode) == 0o700
    assert stat.S_IMODE(stash.entry().stat().st_mode) & 0o022 == 0


def test_the_users_key_is_private_and_outside_of_the_folder(stash, tmp_path):
    home = tmp_path / "home"
    env = {"XDG_DATA_HOME": str(home)}
    stash.write("s.py", "def f(n):\n    log(n)\n    return n\nprint(f(1))  # @devstash\n", log=True)
    stash.ok("s.py", env=env)
    key = home / "devstash" / "key"
    assert len(key.read_bytes()) == 32
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    before = key.read_bytes()
    stash.ok("s.py", env=env)
    assert key.read_bytes() == before
    assert stash.executions() == ["1"]


def test_git_does_not_see_the_folder(stash):
    if subprocess.run(["git", "--version"], stdout=subprocess.DEVNULL).returncode != 0:
        pytest.skip("git is not here")
    stash.command("git", "init", "-q")
    one_entry(stash, "1")
    assert ".devstash_cache" not in stash.command("git", "status", "--porcelain", "-uall").stdout


def test_large_array_of_a_type_with_buffers(stash):
    """Out-of-band buffers: written to by the program after a hit, and whole again in the next run."""
    prelude = (
        "import pickle\n"
        "class Grid:\n"
        "    def __init__(self, data):\n"
        "        self.data = data\n"
        "    def __reduce_ex__(self, protocol):\n"
        "        return Grid, (pickle.PickleBuffer(self.data),)\n"
    )
    stash.write(
        "s.py",
        prelude
        + "def f(n):\n    log(n)\n    return Grid(bytearray(range(256)) * n)\n"
        + "x = f(4096)  # @devstash\n"
        + "view = memoryview(x.data)\nprint(len(view), view[300], view.readonly)\n"
        + "view[300] = 7\nprint(view[300])\n",
        log=True,
    )
    assert stash.twice("s.py") == "1048576 44 False\n7\n"
    assert stash.executions() == ["4096"]
    assert stash.ok("s.py") == "1048576 44 False\n7\n"


def test_same_value_twice_in_one_run_is_two_objects(stash):
    printed, first, second = stash.script_twice(
        """
        def f(n):
            log(n)
            return [n]
        a = f(1)  # @devstash
        b = f(1)  # @devstash
        a.append(2)
        print(a, b)
        """
    )
    assert (printed, first, second) == ("[1, 2] [1]\n", ["1"], [])


def test_a_class_and_lists_beside_globals(stash):
    """Code that reads all globals depends on their order, whatever kinds of things they are."""
    printed, first, second = stash.script_twice(
        """
        import math
        numbers = [1]
        class K:
            def m(self):
                return 1
        def names():
            log("names")
            return [name for name in globals() if name.islower()], K().m()
        print(names())  # @devstash
        """
    )
    assert (first, second) == (["names"], [])


def test_types_of_the_interpreter_count_as_such_before_their_module_is_loaded(stash):
    """`list[int]` says that it is of the module `types`, which a small script has not loaded, and a miss loads."""
    printed, first, second = stash.script_twice(
        """
        import sys
        def name(kind):
            log("name")
            return str(kind)
        for kind in (list[int], sys.implementation, type(sys.implementation), type(list[int])):
            name(kind)  # @devstash
            name(kind)  # @devstash
        """
    )
    assert (len(first), second) == (4, [])
