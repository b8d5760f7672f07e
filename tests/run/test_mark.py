"""What a marker attaches to: for each statement form, which calls execute in the second run."""

import sys

import pytest

# Everything that a case may use. `f` and its kin log each true execution.
PRELUDE = """
import asyncio
import sys
from contextlib import contextmanager

def f(*args, **kwargs):
    log("f" + "".join(str(a) for a in args if isinstance(a, (int, str))))
    return len(args) + len(kwargs)

def g(*args):
    log("g")
    return [len(args)]

def table(n):
    log("table")
    return {"items": [n, n + 1]}

def plain(n):
    log("plain")
    return n

class Response:
    def __init__(self, url):
        self.url = url
        self.headers = {"a": [1, 2]}
    def json(self):
        log("json")
        return {"items": [self.url, self.url * 2]}
    def then(self, n):
        log("then")
        return Response(self.url + str(n))

class Session:
    def __init__(self, base=""):
        self.base = base
    def get(self, url, **kwargs):
        log("get")
        return Response(self.base + url)
    def session(self):
        log("session")
        return self

class Base:
    def greet(self, n):
        log("greet")
        return n

class Opened:
    def __init__(self, n):
        log("opened")
        self.n = n
    def __enter__(self):
        log("enter")
        return self.n
    def __exit__(self, *exc):
        return False
    async def __aenter__(self):
        log("aenter")
        return self.n
    async def __aexit__(self, *exc):
        return False

async def fetch(n):
    log("fetch")
    await asyncio.sleep(0)
    return n * 2

class Rows:
    def __init__(self, n):
        log("rows")
        self.n = n
    def __aiter__(self):
        self.i = 0
        return self
    async def __anext__(self):
        self.i += 1
        if self.i > self.n:
            raise StopAsyncIteration
        return self.i

api = Session("b")
xs = [1, 2, 3]
"""

# name: (script, what executes in the first run, what in the second)
CASES = {
    "assignment": ("x = f(1)  # @devstash\nprint(x)", "f1", ""),
    "bare_call": ("f(1)  # @devstash", "f1", ""),
    "annotated": ("x: int = f(1)  # @devstash\nprint(x)", "f1", ""),
    "augmented": ("x = 1\nx += f(1)  # @devstash\nprint(x)", "f1", ""),
    "unpacking": ("def two(n):\n    log('two')\n    return n, n\na, b = two(1)  # @devstash\nprint(a, b)", "two", ""),
    "several_targets": ("a = b = g(1)  # @devstash\nprint(a is b)", "g", ""),
    "attribute_target": ("api.x = f(1)  # @devstash\nprint(api.x)", "f1", ""),
    "subscript_target": ("d = {}\nd['k'] = f(1)  # @devstash\nprint(d)", "f1", ""),
    "return": ("def h(n):\n    return f(n)  # @devstash\nprint(h(1))", "f1", ""),
    "yield": ("def h():\n    yield f(1)  # @devstash\nprint(list(h()))", "f1", ""),
    "with": ("with Opened(1) as n:  # @devstash\n    print(n)", "opened enter", "enter"),
    "two_withs": ("with Opened(1) as n, Opened(2) as m:  # @devstash\n    print(n, m)", "opened enter opened enter", "enter enter"),
    "for": ("for i in g(1):  # @devstash\n    print(i)", "g", ""),
    "while": ("i = 1\nwhile f(i) < 1:  # @devstash\n    i += 1\nprint(i)", "f1", ""),
    "if": ("if f(1):  # @devstash\n    print('yes')", "f1", ""),
    "elif": ("if 0:\n    pass\nelif f(1):  # @devstash\n    print('yes')", "f1", ""),
    "elif_of_a_marked_if": ("if f(0) > 5:  # @devstash\n    pass\nelif f(1):\n    print('yes')", "f0 f1", "f1"),
    "assert": ("assert f(1)  # @devstash", "f1", ""),
    "raise": ("def error(n):\n    log('error')\n    return ValueError(n)\ntry:\n    raise error(1)  # @devstash\nexcept ValueError as e:\n    print(repr(e))", "error", ""),
    "except_body": ("try:\n    raise ValueError\nexcept ValueError:\n    x = f(1)  # @devstash\n    print(x)", "f1", ""),
    "except_expression": ("def kinds(n):\n    log('kinds')\n    return ValueError, TypeError\ntry:\n    raise ValueError(1)\nexcept kinds(1) as e:  # @devstash\n    print(e)", "kinds", ""),
    "arguments_run_every_time": ("print(f(plain(7)))  # @devstash", "plain f7", "plain"),
    "nested_call": ("x = f(f(1))  # @devstash\nprint(x)", "f1 f1", "f1"),
    "several_sites": ("x = f(1) + f(2)  # @devstash\nprint(x)", "f1 f2", ""),
    "keywords_and_stars": ("x = f(1, *[2, 3], k=4, **{'z': 5})  # @devstash\nprint(x)", "f123", ""),
    "multi_line_first": ("x = f(  # @devstash\n    1,\n    2,\n)\nprint(x)", "f12", ""),
    "multi_line_middle": ("x = f(\n    1,  # @devstash\n    2,\n)\nprint(x)", "f12", ""),
    "multi_line_last": ("x = f(\n    1,\n    2,\n)  # @devstash\nprint(x)", "f12", ""),
    "inside_brackets_alone": ("x = f(\n    # @devstash\n    1,\n)\nprint(x)", "f1", ""),
    "above": ("# @devstash\nx = f(1)\nprint(x)", "f1", ""),
    "above_with_comments_between": ("# @devstash\n# why\n# and why not\nx = f(1)\nprint(x)", "f1", ""),
    "above_indented": ("if 1:\n    # @devstash\n    x = f(1)\n    print(x)", "f1", ""),
    "backslash": ("x = 1 + \\\n    f(1)  # @devstash\nprint(x)", "f1", ""),
    "chain": ('x = api.get("u").json()["items"]  # @devstash\nprint(x)', "get json", ""),
    "long_chain": ('x = api.session().get("u").then(1).then(2).json()["items"][0]  # @devstash\nprint(x)', "session get then then json", ""),
    "chain_arguments_run": ('x = api.get("u").then(plain(1)).json()  # @devstash\nprint(x)', "plain get then json", "plain"),
    "chain_ends_in_attribute": ('x = api.get("u").then(1).url  # @devstash\nprint(x)', "get then", ""),
    "subscript_after_one_call": ('x = table(1)["items"]  # @devstash\nprint(x)', "table", ""),
    "chain_over_lines": ('x = (\n    api.get("u")\n    .then(1)  # @devstash\n    .json()\n)\nprint(x)', "get then json", ""),
    "await": ("async def h():\n    return await fetch(1)  # @devstash\nprint(asyncio.run(h()))", "fetch", ""),
    "await_in_expression": ("async def h():\n    x = 1 + await fetch(1)  # @devstash\n    return x\nprint(asyncio.run(h()))", "fetch", ""),
    "await_chain": ('async def h():\n    x = (await fetch(1)).bit_length()  # @devstash\n    return x\nprint(asyncio.run(h()))', "fetch", ""),
    "async_with": ("async def h():\n    async with Opened(1) as n:  # @devstash\n        return n\nprint(asyncio.run(h()))", "opened aenter", "aenter"),
    "async_for": ("async def h():\n    async for i in Rows(2):  # @devstash\n        print(i)\nasyncio.run(h())", "rows", ""),
    "list_comprehension": ("x = [f(i) for i in xs]  # @devstash\nprint(x)", "f1 f2 f3", ""),
    "dict_comprehension": ("x = {i: f(i) for i in xs}  # @devstash\nprint(x)", "f1 f2 f3", ""),
    "set_comprehension": ("x = {f(i) for i in xs}  # @devstash\nprint(x)", "f1 f2 f3", ""),
    "generator_expression": ("x = (f(i) for i in xs)  # @devstash\nprint(list(x))", "f1 f2 f3", ""),
    "async_comprehension": ("async def h():\n    return [await fetch(i) for i in xs]  # @devstash\nprint(asyncio.run(h()))", "fetch fetch fetch", ""),
    "condition_of_a_comprehension": ("x = [i for i in xs if f(i)]  # @devstash\nprint(x)", "f1 f2 f3", ""),
    "iterable_of_a_comprehension": ("x = [i for i in g(1)]  # @devstash\nprint(x)", "g", ""),
    "nested_comprehension": ("x = [[f(i, j) for j in xs] for i in xs[:1]]  # @devstash\nprint(x)", "f11 f12 f13", ""),
    "comprehension_elements_are_separate": ("x = [f(i) for i in xs]  # @devstash\ny = [f(i) for i in [3, 4]]  # @devstash\nprint(x, y)", "f1 f2 f3 f4", ""),
    "lambda": ("h = lambda n: f(n)  # @devstash\nprint(h(1), h(2), h(1))", "f1 f2", ""),
    "print": ("print(f(1), f(2))  # @devstash", "f1 f2", ""),
    "print_prints_each_time": ("print('x', f(1))  # @devstash", "f1", ""),
    "conditional_expression": ("x = f(1) if f(2) else f(3)  # @devstash\nprint(x)", "f2 f1", ""),
    "boolean": ("x = f() or f(1)  # @devstash\nprint(x)", "f f1", ""),
    "comparison": ("x = f(1) < f(1, 2) < f(1, 2, 3)  # @devstash\nprint(x)", "f1 f12 f123", ""),
    "f_string": ('x = f"{f(1)} and {f(2):>3}"  # @devstash\nprint(x)', "f1 f2", ""),
    "starred": ("x = [*g(1), *g(1, 2)]  # @devstash\nprint(x)", "g g", ""),
    "tuple": ("x = f(1), f(2)  # @devstash\nprint(x)", "f1 f2", ""),
    "walrus": ("if (n := f(1)):  # @devstash\n    print(n)", "f1", ""),
    "subscripted_argument": ("x = xs[f(1)]  # @devstash\nprint(x)", "f1", ""),
    "expression_without_call": ("class N:\n    def __init__(self, n):\n        self.n = n\n    def __matmul__(self, other):\n        log('matmul')\n        return self.n * other.n\na, b = N(2), N(3)\ny = a @ b  # @devstash\nprint(y)", "matmul", ""),
    "def": ("def h(n):  # @devstash\n    log('h')\n    return n + 1\nprint(h(1), h(1), h(2), h(n=1))", "h h", ""),
    "def_marked_above": ("# @devstash\ndef h(n):\n    log('h')\n    return n + 1\nprint(h(1))", "h", ""),
    "def_with_default": ("def h(n, m=2):  # @devstash\n    log('h')\n    return n + m\nprint(h(1), h(1, 2), h(m=2, n=1))", "h", ""),
    "def_over_lines": ("def h(\n    n,  # @devstash\n    m=2,\n):\n    log('h')\n    return n + m\nprint(h(1))", "h", ""),
    "decorated_def": ("import functools\n@functools.lru_cache(None)\ndef h(n):  # @devstash\n    log('h')\n    return n\nprint(h(1), h(1))", "h", ""),
    "async_def": ("async def h(n):  # @devstash\n    log('h')\n    await asyncio.sleep(0)\n    return n\nprint(asyncio.run(h(1)), asyncio.run(h(1)))", "h", ""),
    "method": ("class C:\n    def __init__(self, k):\n        self.k = k\n    def m(self, n):  # @devstash\n        log('m%d' % self.k)\n        return n + self.k\nprint(C(1).m(1), C(1).m(1), C(2).m(1))", "m1 m2", ""),
    "static_and_class_methods": ("class C:\n    @staticmethod\n    def s(n):  # @devstash\n        log('s')\n        return n\n    @classmethod\n    def c(cls, n):  # @devstash\n        log('c')\n        return cls.__name__\nclass D(C):\n    pass\nprint(C.s(1), C.s(1), C.c(1), D.c(1), D.c(1))", "s c c", ""),
    "nested_def": ("def outer(k):\n    def inner(n):  # @devstash\n        log('inner')\n        return n + k\n    return inner(1)\nprint(outer(1), outer(1), outer(2))", "inner inner", ""),
    "super_method": ("class C(Base):\n    def greet(self, n):\n        return super().greet(n)  # @devstash\nprint(C().greet(1))", "greet", ""),
    "class_body": ("class C:\n    x = f(1)  # @devstash\nprint(C.x)", "f1", ""),
    "loop": ("for i in (1, 2, 1):\n    f(i)  # @devstash", "f1 f2", ""),
    "semicolons": ("a = 1; b = f(a); c = f(2)  # @devstash\nprint(b, c)", "f1 f2", ""),
    "after_colon": ("if 1: x = f(1); print(x)  # @devstash", "f1", ""),
    "one_marked_one_not": ("x = f(1)  # @devstash\ny = f(2)", "f1 f2", "f2"),
    "body_of_a_marked_header_is_not_marked": ("for i in g(1):  # @devstash\n    f(i)", "g f1", "f1"),
    "try_parts": ("try:\n    x = f(1)  # @devstash\nfinally:\n    y = f(2)  # @devstash\nprint(x, y)", "f1 f2", ""),
    "global_in_function": ("def h():\n    global v\n    v = f(1)  # @devstash\nh()\nprint(v)", "f1", ""),
    "off": ("x = f(1)  # @devstash off\nprint(x)", "f1", "f1"),
    "in_a_string_it_is_text": ('s = "x = f(1)  # @devstash"\nprint(f(1), s)', "f1", "f1"),
    "with_other_comments": ("x = f(1)  # noqa: E501  # @devstash ttl=1d  # type: ignore\nprint(x)", "f1", ""),
    "no_space": ("x = f(1)  #@devstash\nprint(x)", "f1", ""),
}  # fmt: skip

NEWER = {
    "match": (
        (3, 10),
        "match f(1):  # @devstash\n    case 1:\n        x = f(2)  # @devstash\n        print(x)",
        "f1 f2",
        "",
    ),
    "match_guard": (
        (3, 10),
        "match 3:\n    case n if f(n):  # @devstash\n        print(n)",
        "f3",
        "",
    ),
    "except_star": (
        (3, 11),
        "try:\n    raise ExceptionGroup('g', [ValueError()])\nexcept* ValueError:\n    print(f(1))  # @devstash",
        "f1",
        "",
    ),
    "type_parameters": ((3, 12), "def h[T](n: T) -> T:  # @devstash\n    log('h')\n    return n\nprint(h(1), h(1))", "h", ""),
    "parenthesised_with": (
        (3, 10),
        "with (\n    Opened(1) as n,  # @devstash\n    Opened(2) as m,\n):\n    print(n, m)",
        "opened enter opened enter",
        "enter enter",
    ),
    "quotes_in_f_string": ((3, 12), 'x = f"{f("a")} {f"{f("b")}"}"  # @devstash\nprint(x)', "fa fb", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", [*CASES, *NEWER])
def test_what_executes(stash, name):
    if name in NEWER:
        version, text, first, second = NEWER[name]
        if sys.version_info < version:
            pytest.skip(f"syntax of Python {version[0]}.{version[1]}")
    else:
        text, first, second = CASES[name]
    _, executed, executed_again = stash.script_twice(PRELUDE + text + "\n")
    assert executed == first.split()
    assert executed_again == second.split()


@pytest.mark.parametrize("name", sorted(CASES))
def test_prints_what_plain_python_prints(stash, name):
    stash.write("s.py", PRELUDE + CASES[name][0] + "\n", log=True)
    expected = stash.plain("s.py")
    assert expected.status == 0, expected
    for _ in range(2):
        assert stash.run("s.py").raw == expected.raw


def test_chain_is_cut_where_a_later_argument_looks_at_its_root(stash):
    """`q.filter(n).limit(q.count)`: evaluating `q.count` before the first link ran could give something else."""
    printed, first, second = stash.script_twice(
        """
        class Query:
            def __init__(self, n=0):
                self.n = n
                self.count = 0
            def filter(self, n):
                log("filter")
                return Query(self.n + n)
            def limit(self, n):
                log("limit")
                return self.n * 10 + n
        q = Query()
        print(q.filter(3).limit(q.count))  # @devstash
        """
    )
    assert printed == "30\n"
    assert first == ["filter", "limit"]
    assert "filter" not in second


def test_comprehension_keeps_what_it_finished(stash):
    script = """
        import sys
        def numbers():
            for n in range(6):
                if n == int(sys.argv[1]):
                    raise KeyboardInterrupt
                yield n
        def ask(n):
            log(n)
            return n * 2
        answers = [ask(n) for n in numbers()]  # @devstash
        print(answers)
        """
    stash.write("s.py", script, log=True)
    assert stash.run("s.py", "3").status != 0
    assert stash.executions() == ["0", "1", "2"]
    stash.forget()
    assert stash.ok("s.py", "99") == "[0, 2, 4, 6, 8, 10]\n"
    assert stash.executions() == ["3", "4", "5"]


def test_generator_function_is_recorded_and_replayed(stash):
    stash.write("s.py", "def h(n):  # @devstash\n    log('h')\n    yield n\nprint(list(h(1)), list(h(1)))\n", log=True)
    for _ in range(2):
        assert stash.ok("s.py") == "[1] [1]\n"
    assert stash.executions() == ["h"]


def test_one_name_decides_nothing(stash):
    """A marked call of one module's `f` and of another's are two entries."""
    stash.write("a.py", "def f(n):\n    return 'a'\n")
    stash.write("b.py", "def f(n):\n    return 'b'\n")
    stash.write("s.py", "import a, b\nx = a.f(1)  # @devstash\ny = b.f(1)  # @devstash\nprint(x, y)\n")
    assert stash.twice("s.py") == "a b\n"
    assert len(stash.entries()) == 2
