"""A call that is made many times in one run: what its code reaches may change between any two of them."""

import os

import pytest

HEAD = """
import math, json, helpers
from helpers import scale, table
LIMIT = 10
ROWS = [1, [2]]
TEXT = "t" * 2000
def inner(x, by=2): return x * by
def outer(x): return inner(x) + LIMIT + len(ROWS) + ROWS[1][0] + len(TEXT)
def maker():
    step = 1
    def stepping(x): return x + step
    def change(to):
        nonlocal step
        step = to
    return stepping, change
stepping, change = maker()
def root(x): return math.sqrt(x) + helpers.OFFSET + helpers.shift(x) + scale(x) + len(table) + stepping(x)
def text(x): return json.dumps([x, abs(x)])
def call(n):
    a = outer(n)  # @devstash
    b = root(n)  # @devstash
    c = text(n)  # @devstash
    return a, b, c
for n in range(6):
    call(4)
    call(n)
print(call(4))
"""

HELPERS = """
OFFSET = 100
UNIT = 1
table = {"a": 1}
def shift(x): return x + UNIT
def scale(x): return x * 3
"""

CHANGES = {
    "a_constant": "LIMIT = 11",
    "an_equal_constant": "LIMIT = int('10')",
    "a_constant_of_another_type": "LIMIT = 10.0",
    "a_list": "ROWS.append(3)",
    "a_nested_list": "ROWS[1][0] = 7",
    "another_list": "ROWS = [5, [6]]",
    "a_long_text": "TEXT = 'u' * 2001",
    "a_function": "def inner(x, by=2): return x * by * 5",
    "its_code": "inner.__code__ = (lambda x, by: x - by).__code__",
    "its_default": "inner.__defaults__ = (9,)",
    "its_keyword_default": "def inner(x, *, by=2): return x * by\ninner.__kwdefaults__['by'] = 8",
    "a_closure": "change(50)",
    "a_constant_of_a_module": "helpers.OFFSET = 1",
    "a_constant_that_a_function_of_a_module_reads": "helpers.UNIT = 5",
    "a_function_of_a_module": "helpers.shift = lambda x: x + 1000",
    "a_function_imported_from_a_module": "scale = lambda x: 0",
    "a_dict_imported_from_a_module": "table['b'] = 2",
    "a_function_of_a_package": "math.sqrt = lambda x: -1",
    "a_function_written_in_python_of_a_package": "json.dumps = lambda x: 'patched'",
    "a_builtin": "import builtins\nbuiltins.len = lambda x: 77",
    "a_builtin_is_hidden": "len = lambda x: 78",
    "a_builtin_is_hidden_by_a_class": "class len:\n    def __new__(cls, x): return 79",
    "a_module": "import types\nmath = types.SimpleNamespace(sqrt=lambda x: 5)",
    "a_function_becomes_a_class": "class inner:\n    def __new__(cls, x): return 33",
    "a_function_becomes_an_object": "class K:\n    def __call__(self, x): return 34\ninner = K()",
    "a_setting_of_a_module": "helpers.UNIT = helpers.OFFSET = 3",
    "an_attribute_of_a_function": "inner.by = 3",
    "the_working_folder": "import os\nos.chdir('/')",
    "nothing": "",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_between_calls_counts(stash, change):
    stash.write("helpers.py", HELPERS)
    stash.write("s.py", HEAD + CHANGES[change] + "\nprint(call(4), call(4), call(2))\nprint(call(4), call(3))\n")
    expected = stash.plain("s.py")
    assert expected.stdout and not expected.stderr
    for _ in range(2):
        outcome = stash.run("s.py", options=["-q"])
        assert outcome.raw == expected.raw


def test_a_repeated_call_is_read_once(stash):
    stash.write(
        "s.py",
        """
        import os, sys
        opened = []
        sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" else None)
        def f(n):
            log("f")
            return n + 1
        for n in range(20):
            x = f(7)  # @devstash
        print(x, len([path for path in opened if str(path).endswith(".pkl")]))
        """,
        log=True,
    )
    assert stash.ok("s.py").split()[0] == "8"
    assert stash.ok("s.py") == "8 1\n"
    assert stash.executions() == ["f"]


def test_an_entry_that_goes_or_expires_meanwhile_is_a_miss(stash):
    stash.write(
        "s.py",
        """
        import glob, os, sys, time
        def f(n):
            log("f")
            return n + 1
        def call():
            x = f(7)  # @devstash ttl=1h
            return x
        for n in range(3):
            call()
        name, = glob.glob(".devstash_cache/*.pkl")
        if sys.argv[1] == "removed":
            os.unlink(name)
        elif sys.argv[1] == "old":
            os.utime(name, (time.time() - 7200,) * 2)
        elif sys.argv[1] == "damaged":
            data = open(name, "rb").read()
            os.rename(name, "aside")
            open(name, "wb").write(data[:-1] + b"x")
        print(call(), call())
        """,
        log=True,
    )
    for what, runs in (("nothing", 1), ("removed", 1), ("old", 1), ("damaged", 1), ("nothing", 0)):
        outcome = stash.run("s.py", what)
        assert outcome.stdout == "8 8\n", what
        assert len(stash.executions()) == runs, what
        stash.forget()


def test_nothing_of_the_script_is_kept_alive(stash):
    stash.write(
        "s.py",
        """
        import gc, weakref
        class Big: pass
        def make():
            big = Big()
            def f(n): return n + 1
            f.big = big
            return f, weakref.ref(big)
        def made(n):
            held = n * 3
            def f(n): return n + held
            return f
        DATA = {"k": [1]}
        def g(n): return n + len(DATA)
        for n in range(5):
            x = g(n)  # @devstash
        gone = []
        for n in range(5):
            f = made(n)
            for _ in range(4):  # so that what it reaches is remembered
                y = f(n)  # @devstash
            gone.append(weakref.ref(f))
            del f
        gc.collect()
        print(x, y, [ref() for ref in gone])
        """,
    )
    for _ in range(2):
        assert stash.ok("s.py") == stash.plain("s.py").stdout


@pytest.mark.parametrize("kept", ["", "module", "cycle"])
def test_uses_are_noted_at_the_end_in_whatever_order_it_comes(stash, kept):
    stash.write(
        "s.py",
        """
        import sys
        def f(n): return n + 1
        x = f(1)  # @devstash
        if sys.argv[1]:
            sys.keep = [sys.modules[name] for name in list(sys.modules) if name.startswith("devstash")]
            if sys.argv[1] == "cycle":
                sys.keep += [sys.keep, f]
        print(x)
        """,
    )
    for _ in range(2):
        assert stash.run("s.py", kept).raw == (b"2\n", b"", 0)
        (entry,) = stash.entries()
        made = entry.stat().st_mtime_ns
        os.utime(entry, ns=(0, made))
    assert stash.run("s.py", kept).raw == (b"2\n", b"", 0)
    assert entry.stat().st_atime_ns > 0 and entry.stat().st_mtime_ns == made
