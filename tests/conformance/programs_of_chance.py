"""Random programs of small functions that call each other in many ways, over several modules.

Every function adds a number of its own to what the functions it refers to give back. `change` is a function whose
number differs. Depth is handed down, so that cycles end.
"""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

# How function {i} refers to function {j}: lines before its `def`, lines in its body, the expression of the call.
# {ref} is an expression for function j that is valid in the module of function i once everything is imported.
WAYS = {
    "name": ("", "", "{ref}(depth - 1)"),
    "alias in the body": ("", "other = {ref}", "other(depth - 1)"),
    "lambda": ("", "", "(lambda d: {ref}(d))(depth - 1)"),
    "nested function": ("", "def inner():\n        return {ref}(depth - 1)", "inner()"),
    "comprehension": ("", "", "sum([{ref}(d) for d in (depth - 1,)])"),
    "map": ("", "", "sum(map({ref}, [depth - 1]))"),
    "method": (
        "class C{i}x{j}:\n    def go(self, d):\n        return {ref}(d)\n",
        "",
        "C{i}x{j}().go(depth - 1)",
    ),
    "inherited method": (
        "class B{i}x{j}:\n    def go(self, d):\n        return {ref}(d)\nclass D{i}x{j}(B{i}x{j}):\n    pass\n",
        "",
        "D{i}x{j}().go(depth - 1)",
    ),
    "property": (
        "class P{i}x{j}:\n    depth = 0\n    @property\n    def gone(self):\n        return {ref}(self.depth)\n",
        "made = P{i}x{j}()\n    made.depth = depth - 1",
        "made.gone",
    ),
    "default": ("D{i}x{j} = lambda d, f=(lambda d: {ref}(d)): f(d)\n", "", "D{i}x{j}(depth - 1)"),
    "table": ('T{i}x{j} = {{"only": lambda d: {ref}(d)}}\n', "", 'T{i}x{j}["only"](depth - 1)'),
    "partial": (
        "import functools\nL{i}x{j} = functools.partial(lambda f, d: f()(d), lambda: {ref})\n",
        "",
        "L{i}x{j}(depth - 1)",
    ),
    "decorated": (
        "def W{i}x{j}(f):\n    def inner(d):\n        return f(d) + {ref}(d)\n    return inner\n"
        "@W{i}x{j}\ndef F{i}x{j}(d):\n    return 0\n",
        "",
        "F{i}x{j}(depth - 1)",
    ),
    "generator": ("def G{i}x{j}(d):\n    yield {ref}(d)\n", "", "sum(G{i}x{j}(depth - 1))"),
    "imported inside": ("", "from {module} import f{j} as got", "got(depth - 1)"),
    "getattr": ("", "import {module} as there", 'getattr(there, "f{j}")(depth - 1)'),
}


@dataclass(frozen=True)
class Function:
    number: int
    module: str
    edges: tuple  # of (other function's number, way)


@dataclass(frozen=True)
class Program:
    functions: tuple
    change: int = -1

    def with_change(self, number):
        return replace(self, change=number)

    def stamp(self, version):
        """A time of modification for the files of a version."""
        return 1_700_000_000 + 100 * (version.change + 1)

    def files(self):
        modules = {}
        for function in self.functions:
            modules.setdefault(function.module, []).append(self._source(function))
        names = sorted(modules)
        head = "".join("import %s\n" % name for name in names)
        found = {}
        for name in names:
            # Imports come last, so that modules may import each other.
            found[name + ".py"] = "\n".join(modules[name]) + "\n" + head
        found["main.py"] = head + MAIN + "".join(self._root(function) for function in self.functions)
        return found

    def _source(self, function):
        before, body, calls = [], [], []
        for other, way in function.edges:
            names = {
                "i": function.number,
                "j": other,
                "ref": "%s.f%d" % (self.functions[other].module, other),
                "module": self.functions[other].module,
            }
            head, lines, call = (part.format(**names) for part in WAYS[way])
            before.append(head)
            # Two edges may want the same local names, hence a function of its own for each.
            step = "step%d" % len(calls)
            inner = "".join("        %s\n" % line.replace("\n", "\n    ") for line in [lines] if line)
            body.append("    def %s(depth):\n%s        return %s\n" % (step, inner, call))
            calls.append("%s(depth)" % step)
        own = function.number * 10 + (5 if function.number == self.change else 0)
        total = " + ".join(calls) or "0"
        return "%sdef f%d(depth):\n%s    return %d if depth <= 0 else %d + %s\n" % (
            "".join(before),
            function.number,
            "".join(body),
            own,
            own,
            total,
        )

    def _root(self, function):
        return ROOT.format(i=function.number, module=function.module)


MAIN = """
import os
counter = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

def log(line):
    os.write(counter, (line + "\\n").encode())
"""

ROOT = """
def root{i}():
    log("root{i}")
    return {module}.f{i}(3)

out = root{i}()  # @devstash
print(out)
"""


@st.composite
def programs(draw):
    count = draw(st.integers(2, 6))
    modules = draw(st.lists(st.sampled_from(["alpha", "beta", "gamma"]), min_size=count, max_size=count))
    functions = []
    for number in range(count):
        others = draw(st.lists(st.integers(0, count - 1), unique=True, max_size=2))
        edges = tuple((other, draw(st.sampled_from(sorted(WAYS)))) for other in others)
        functions.append(Function(number, modules[number], edges))
    return Program(tuple(functions))


def reaching(program, target, at_most=False):
    """The numbers of the functions from which the target can be reached, in order.

    With `at_most`, a function that hands a whole module around (`getattr(module, name)`) reaches all of it: a key may
    be careful there and take in more than the one name.
    """
    found = {target}
    while True:
        more = set()
        for function in program.functions:
            for other, way in function.edges:
                module = program.functions[other].module
                whole = at_most and way == "getattr"
                if other in found or (whole and any(program.functions[f].module == module for f in found)):
                    more.add(function.number)
        if more <= found:
            return sorted(found)
        found |= more
