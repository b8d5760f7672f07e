"""What a code object says does not depend on how its text is laid out."""

import ast
import types

import pytest
from devstash import bytecode, foreseen
from devstash import facts as remembered

SOURCE = '''
def f(a, b: int = 1):
    """Text."""
    # a comment
    if (a and
            b):
        raise ValueError(
            "x" % a)
    for i in [x
              for x in b
              if x and x != 3]:
        try:
            print(i, a,
                  b)
        except (OSError, ValueError) as e:
            return e
        finally:
            a = b
    class C:
        """Text."""
        x = 5
        def m(self): return self.x
    with a as z, \\
            b:
        z = z
    return lambda q: (q +
                      1)
'''


def facts(source):
    return remembered.facts(compile(source, "s", "exec"))


def test_layout_comments_and_docstrings_do_not_count():
    plain = ast.unparse(ast.parse(SOURCE.replace('"""Text."""', '"""Other."""')))
    assert facts(SOURCE).digest == facts(plain).digest
    assert facts(SOURCE).digest == facts("\n\n\n" + SOURCE).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x != 3", "x != 4"),
        ("a and", "a or"),
        ("x = 5", "x = 6"),
        ("self.x", "self.y"),
        ("q +", "q -"),
        ("ValueError) as", "KeyError) as"),
        ("return e", "return a"),
        ("b: int = 1", "b: int = 2"),
        ("a = b", "b = a"),
        ('"x" %', '"y" %'),
    ],
)
def test_meaning_counts(old, new):
    assert old in SOURCE
    assert facts(SOURCE).digest != facts(SOURCE.replace(old, new)).digest


def test_a_docstring_that_is_also_a_constant_counts():
    one = facts("def f():\n 'a'\n return 'a'")
    assert one.digest == facts("def f():\n 'other'\n return 'a'").digest
    assert one.digest != facts("def f():\n 'a'\n return 'b'").digest
    assert facts("f = lambda: 'a'").digest != facts("f = lambda: 'b'").digest


def test_constants_are_told_apart_by_type_and_sign():
    sources = [
        "1",
        "1.0",
        "True",
        "'1'",
        "b'1'",
        "0.0",
        "-0.0",
        "1j",
        "(1,)",
        "None",
        "...",
        "x in {1, 2}",
        "x in {1, 3}",
    ]
    assert len({facts(f"x = {source}").digest for source in sources}) == len(sources)


def test_a_set_of_constants_is_the_same_in_any_order():
    one = compile("x in {'a', 'b', 'c', 'd'}", "s", "eval")
    constants = tuple(frozenset(sorted(c, reverse=True)) if isinstance(c, frozenset) else c for c in one.co_consts)
    assert remembered.facts(one).digest == remembered.facts(one.replace(co_consts=constants)).digest


def test_names():
    found = facts("def f():\n import a.b\n from . import c\n return config.LIMIT, handle(config), getattr(x, 'run it')")
    assert set(found.globals) == {"config", "handle", "getattr", "x"}
    assert found.bare == {"handle", "config", "getattr", "x"}
    assert "LIMIT" in found.names
    assert found.imports == (("a.b", 0, ()), ("", 1, ("c",)))
    assert found.dynamic
    assert {"run", "it"} <= found.words


def test_facts_are_read_once():
    code = compile("x", "s", "eval")
    assert remembered.facts(code) is remembered.facts(code)


def test_rewritten_code_counts_as_the_original():
    def code(text):
        return next(c for c in compile(text, "s", "exec").co_consts if isinstance(c, types.CodeType))

    original = code("def f():\n return [g(x) for x in y]")
    rewritten = code("def f():\n return [D(3, g)(x) for x in y]")
    marked = rewritten.replace(co_consts=(*rewritten.co_consts, (remembered.REWRITTEN, original)))
    assert remembered.facts(marked).digest == remembered.facts(original).digest != remembered.facts(rewritten).digest
    assert "D" not in remembered.facts(marked).names


def test_what_is_foreseen_is_what_would_be_read(monkeypatch):
    text = (
        "import os\ndef f(x, y=2):\n    '''doc'''\n    return g(x) + os.sep\ndef g(x): return (lambda n: n + LIMIT)(x)\n"
        "class Base:\n    def __init__(self): self.size = LIMIT\n    @property\n    def half(self): return h(self)\n"
        "class K(Base):\n    def method(self): return getattr(self, 'size')\n    class Inner: pass\ndef other(): pass\n"
        "def h(k): return k.size\nclass Stranger:\n    def third(self): pass\n"
    )
    script = compile(text, "s.py", "exec")
    table = foreseen.foreseen(script, (), text, ["x = f(1) + K().method()  # @devstash"])
    assert {name for name, _ in table} == {"f", "g", "method", "__init__", "half", "h"}
    monkeypatch.setattr(remembered, "_known", {})
    remembered.foresee(script, [], table)
    monkeypatch.setattr(bytecode, "read", None)
    space = {}
    exec(script, space)
    found = {code: remembered.facts(code) for code in (space["f"].__code__, space["K"].method.__code__)}
    monkeypatch.undo()
    for code, known in found.items():
        real = bytecode.read(code)
        assert all(getattr(known, name) == getattr(real, name) for name in remembered.Facts.__slots__)
    # The same text compiled once more is other code, which has to be read.
    constants = compile(text, "s.py", "exec").co_consts
    twin = next(constant for constant in constants if getattr(constant, "co_name", "") == "f")
    assert remembered._foreseen_facts(twin) is None
    remembered.foresee(compile("", "s.py", "exec"), [], table)
    assert remembered._foreseen_facts(space["f"].__code__) is None
    remembered.foresee(script, [], {})
