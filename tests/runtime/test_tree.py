"""Rewriting keeps every position and every function's original code, and asks the runtime what it should."""

import ast
import dis
import glob
import os
import random
import sys
import traceback
import types

import pytest
from devstash import compiling, tree

NEW_FSTRINGS = sys.version_info >= (3, 12)


def span(node):
    return [node.lineno, node.col_offset, node.end_lineno, node.end_col_offset]


def site(kind, node, **more):
    return {
        "kind": kind, "span": span(node), "fstring": None, "scope": "", "text": "", "line": node.lineno,
        "names": [], "options": {}, **more,
    }  # fmt: skip


def outermost_calls(node):
    """The calls of an expression that stand in no other, outside of nested scopes."""
    if isinstance(node, ast.Call):
        return [node]
    nested = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.JoinedStr)
    if isinstance(node, nested) or not isinstance(node, (ast.expr, ast.keyword)):
        return []
    return [call for child in ast.iter_child_nodes(node) for call in outermost_calls(child)]


def is_generator(function):
    own = [function.body]
    while own:
        for node in own.pop():
            if isinstance(node, (ast.Yield, ast.YieldFrom)):
                return True
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
                own.append(ast.iter_child_nodes(node))
    return False


def plan_of_everything(source):
    """A plan that marks every statement with a call and every second function."""
    module = ast.parse(source)
    sites = []
    for number, node in enumerate(ast.walk(module)):
        if isinstance(node, (ast.Assign, ast.Expr, ast.Return, ast.AugAssign)) and node.value is not None:
            sites += [site("call", call) for call in outermost_calls(node.value)]
        elif isinstance(node, (ast.If, ast.While)):
            sites += [site("call", call) for call in outermost_calls(node.test)]
        elif isinstance(node, ast.For):
            sites += [site("call", call) for call in outermost_calls(node.iter)]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and number % 2:
            sites.append(site("function", node, generator=is_generator(node)))
    imported = (node for node in module.body if isinstance(node, (ast.Import, ast.ImportFrom)))
    names = [alias.asname or alias.name.split(".")[0] for node in imported for alias in node.names]
    return {"format": 1, "sites": sites, "imports": names}


def call_places(code):
    """Where CPython says that the calls of `code` happen."""
    if sys.version_info >= (3, 11):
        return {tuple(i.positions) for i in dis.get_instructions(code) if i.opname.startswith("CALL")}
    places, line = set(), None
    for instruction in dis.get_instructions(code):
        line = instruction.starts_line or line
        if instruction.opname.startswith("CALL"):
            places.add(line)
    return places


def nested(code):
    codes = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return [c for c in codes if c.co_filename != "<devstash>"]


def assert_same_places(new, old):
    assert call_places(old) <= call_places(new), f"{old.co_filename}: {old.co_name}"
    assert len(nested(new)) == len(nested(old))
    for inner_new, inner_old in zip(nested(new), nested(old)):
        assert_same_places(inner_new, inner_old)


def library_files():
    folder = os.path.dirname(os.__file__)
    files = sorted(glob.glob(folder + "/*.py") + glob.glob(folder + "/[aceju]*/*.py"))
    return random.Random(7).sample(files, 60)


@pytest.mark.filterwarnings("ignore")
def test_calls_stay_where_they_were_in_the_standard_library():
    for path in library_files():
        with open(path, "rb") as file:
            source = file.read()
        if not source.isascii():  # the plan below counts bytes
            continue
        code = compiling.compile_script(source, path, plan_of_everything(source), 0, "/ours", "/ours/core")
        assert_same_places(code, compile(source, path, "exec", dont_inherit=True))


class FakeCall:
    """Stands for call.Call: never a hit."""

    def __init__(self, log, index, callee, key):
        self.log, self.callee, self.arguments = log, callee, []
        log.append(("ask", index, *key))

    def __call__(self, *args, **kwargs):
        self.arguments.append((args, kwargs))
        return self

    def __getitem__(self, item):
        self.arguments.append(((item,), {}))
        return self

    def __bool__(self):
        self.log.append(("arguments", *self.arguments))
        return False


class Fake:
    """Stands for call.Calls in one frame at a time."""

    def __init__(self):
        self.log = []

    def __call__(self, index, callee=None, *key):
        self.call = FakeCall(self.log, index, callee, key)
        return self.call

    def keep(self):
        return lambda value: self.log.append(("keep", value)) or value

    def callee(self):
        return self.call.callee

    def args(self, link):
        return self.call.arguments[link][0]

    def kwargs(self, link):
        return self.call.arguments[link][1]

    def item(self, link):
        return self.call.arguments[link][0][0]

    def run(self):
        fake = self

        class Body:
            def __enter__(self):
                fake.log.append("enter")

            def __exit__(self, kind, error, trace):
                fake.log.append(("exit", kind))

        return Body()

    def returned(self, value):
        self.log.append(("returned", value))
        return value


def run(source, sites, **space):
    """Execute `source` with its sites rewritten; what the protocol was told, and the namespace afterwards."""
    code = compiling.compile_script(source.encode(), "s.py", {"sites": sites, "imports": []}, 0, "/ours", "/ours/core")
    # The prologue imports the runtime and touches the main module; here it must not.
    prologue = next(c for c in code.co_consts if isinstance(c, types.CodeType) and c.co_filename == "<devstash>")
    nothing = compile("", "<devstash>", "exec")
    code = code.replace(co_consts=tuple(nothing if c is prologue else c for c in code.co_consts))
    fake = Fake()
    space = {tree.BUILTIN: fake, **space}
    exec(code, space)
    return fake.log, space


def only(source, kind=ast.Call):
    return next(node for node in ast.walk(ast.parse(source)) if isinstance(node, kind))


def test_a_call_is_asked_for_and_then_made_with_the_same_arguments():
    source = "x = f(1, *a, k=2, **d)"
    log, space = run(source, [site("call", only(source))], f=lambda *a, **k: (a, k), a=[5], d={"z": 3})
    assert space["x"] == ((1, 5), {"k": 2, "z": 3})
    assert log == [("ask", 0), ("arguments", ((1, 5), {"k": 2, "z": 3})), ("keep", space["x"])]


def test_a_chain_is_one_site_with_the_arguments_of_every_link():
    source = "x = get(u).pick(n, k=1)['items'][0:2].real"
    whole = ast.parse(source).body[0].value

    class Answer:
        def pick(self, n, k):
            return {"items": Items([n, k, 7])}

    class Items(list):
        def __getitem__(self, item):
            return types.SimpleNamespace(real=list.__getitem__(self, item))

    log, space = run(source, [site("call", whole)], get=lambda u: Answer(), u="u", n=4)
    assert space["x"] == [4, 1]
    assert log[1] == ("arguments", (("u",), {}), ((4,), {"k": 1}), (("items",), {}), ((slice(0, 2),), {}))


def test_super_is_a_root_and_not_a_link():
    source = "class B(A):\n    def m(self, x):\n        return super().m(x)\n"
    whole = only(source, ast.Return).value

    class A:
        def m(self, x):
            return x + 1

    log, space = run(source, [site("call", whole)], A=A)
    assert space["B"]().m(3) == 4
    assert log == [("ask", 0), ("arguments", ((3,), {})), ("keep", 4)]


def test_an_expression_hands_in_the_names_it_surely_reads():
    source = "x = a @ b if c else d"
    names = ["a", "b", "c", "d"]

    class M:
        def __matmul__(self, other):
            return 9

    log, space = run(source, [site("expression", ast.parse(source).body[0].value, names=names)], a=M(), b=1, c=True)
    assert space["x"] == 9
    assert log[1] == ("arguments", ((True,), {}))


def test_a_key_is_evaluated_where_the_marker_stands():
    source = "def g(n):\n    return f(n)\n"
    sites = [site("call", only(source, ast.Return).value, options={"key": "(n, n + 1)"})]
    log, space = run(source, sites, f=lambda n: n)
    space["g"](3)
    assert log[0] == ("ask", 0, (3, 4))


def test_a_marked_function_keeps_its_locals_its_docstring_and_its_name():
    source = 'def g(a, /, b, *c, d=4, **e):\n    "doc"\n    x = a\n    return sorted(locals())\n'
    log, space = run(source, [site("function", only(source, ast.FunctionDef))])
    assert space["g"](1, 2, 3, z=5) == ["a", "b", "c", "d", "e", "x"]
    assert space["g"].__doc__ == "doc" and space["g"].__name__ == "g"
    assert log[1] == ("arguments", ((1, 2, (3,), 4, {"z": 5}), {}))
    assert log[-1] == ("exit", None)


@pytest.mark.filterwarnings("ignore")
def test_falling_off_the_end_returns_none_whatever_a_finally_did_before():
    source = "def g():\n    while True:\n        try:\n            return 1\n        finally:\n            break\n"
    log, space = run(source, [site("function", only(source, ast.FunctionDef))])
    assert space["g"]() is None
    assert [entry for entry in log if entry[0] == "returned"][-1] == ("returned", None)


def test_the_original_code_travels_with_rewritten_functions_only():
    source = "def g():\n    return f()\ndef h():\n    return 2\n"
    _, space = run(source, [site("call", only(source, ast.Call))], f=int)
    name, original = space["g"].__code__.co_consts[-1]
    assert name == compiling.ORIGINAL
    plain = {}
    exec(compile(source, "s.py", "exec"), plain)
    assert original == plain["g"].__code__
    assert space["h"].__code__ == plain["h"].__code__


def test_a_traceback_is_the_same_with_and_without_sites():
    source = (
        "def f(x):\n    return 1 / x\n"
        "def g():\n    return (f\n        (\n            0,\n        )\n    )\n"
        "class A:\n    def a(self): return self\n    def b(self): return 1 / 0\n"
        "def h():\n    return (A()\n        .a()\n        .b())\n"
    )
    returns = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Return)]
    sites = [site("call", node.value) for node in returns if isinstance(node.value, ast.Call)]
    _, rewritten = run(source, sites)
    plain = {}
    exec(compile(source, "s.py", "exec"), plain)

    def text(function):
        with pytest.raises(ZeroDivisionError) as caught:
            function()
        return "".join(traceback.format_tb(caught.tb)[1:])

    for name in "gh":
        # The fake protocol's own frames do not exist in a real run: a call is made by the script's frame there too.
        assert text(rewritten[name]) == text(plain[name])


@pytest.mark.skipif(NEW_FSTRINGS, reason="from 3.12 on nodes in f-strings are found by their span")
def test_a_call_in_an_old_fstring_is_found_by_its_number():
    source = 'x = f"{f(1)} {g(f(2))}"'
    fstring = {"span": span(ast.parse(source).body[0].value), "index": 1}
    sites = [site("call", only(source), fstring=fstring)]
    log, space = run(source, sites, f=lambda n: n, g=lambda n: n * 10)
    assert space["x"] == "1 20" and log[1] == ("arguments", ((2,), {}))


def test_columns_are_counted_in_characters():
    source = "ä = 'ö'; x = f('ü')"
    call = only(source)
    sites = [site("call", call)]
    sites[0]["span"] = [1, source.index("f("), 1, len(source)]
    log, space = run(source, sites, f=lambda s: s)
    assert space["x"] == "ü"


def test_a_site_that_is_not_found_leaves_the_script_alone():
    with pytest.raises(tree.Untouchable):
        compiling.compile_script(
            b"x = f(1)\n", "s.py", {"sites": [site("call", only("\nx = f(1)"))]}, 0, "/ours", "/ours/core"
        )
