"""The peers, each in its plainest documented use, and how a scenario is put into its words.

A scenario's script is written for devstash. For a peer that works with decorators, a marked call of a function that
the script defines becomes a decorated definition; a marked call of anything else becomes a call of the decorated
callable, `__cached__(f)(…)`. For the Python devstash the markers stay as they are.

What a peer can do is declared here (`able`), from its documentation, and not found out by trying: a scenario that
needs something else is n/a for it.
"""

import ast
import os
import re
import tokenize
from io import StringIO

# Every peer keeps results of functions and methods, and those may be objects. No decorator is made for what is no
# function (`callable`: partials, classes, builtins), and a decorated name is no bare function any more (`bare`).
COMMON = {"method", "result-object"}


class Peer:
    """A system that decorates functions."""

    name = ""
    package = ""
    able = COMMON | {"def", "above", "super", "headers", "comprehension", "print"}
    strict = False
    # Lines at the head of the script.
    head = ""
    # The decorator as an expression; {options} is filled from the marker.
    decorator = ""
    # Whether its documentation has methods decorated where they are defined.
    decorates_methods = True
    env = {}

    def __init__(self, python, home):
        self.python = str(python)
        self.home = home

    def options(self, marker, function):
        """What the marker's options are in the decorator's words."""
        return ""

    def script(self, text):
        return Rewriting(text, self).text()

    def tally(self, text):
        return text

    def argv(self, script, args):
        return [self.python, script, *args]

    def environment(self, root):
        home = root / "home"
        home.mkdir()
        cache = root / "cache"
        settings = {name: value.format(cache=cache) for name, value in self.env.items()}
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LANG": "C.UTF-8", **settings}

    def age(self, folder, seconds):
        raise NotImplementedError("%s keeps times inside its entries" % self.name)


class PythonDevstash(Peer):
    """The package that devstash is named after: markers in comments, the script run by plain python."""

    name = package = "devstash"
    title = "Python devstash"
    requirement = "devstash==0.1.1"
    able = COMMON | {"marker", "above", "headers", "comprehension", "ttl", "age"}

    def script(self, text):
        return "import devstash; devstash.activate()\n" + text

    def age(self, folder, seconds):
        for path in (folder / ".devstash_cache").glob("*"):
            now = path.stat()
            os.utime(path, (now.st_atime - seconds, now.st_mtime - seconds))


class Pycasher(Peer):
    name = package = "pycasher"
    # Its default, a child process, cannot import functions of a script.
    head = "from casher import cached"
    decorator = "cached(subprocess=False{options})"
    able = Peer.able | {"env", "files"}
    env = {"CASHER_CACHE_DIR": "{cache}"}

    def options(self, marker, function):
        names = re.findall(r"\benv=(\S+)", marker)
        return ", env_vars=%r" % names[0].split(",") if names else ""


class Rote(Peer):
    name = package = "rote"
    head = "import rote"
    decorator = "rote.cache"
    able = Peer.able | {"files", "async"}
    # It keeps calls of a second or more unless told otherwise.
    env = {"ROTE_MIN_DURATION_S": "0"}

    # And none that are quicker than storing them: so every counted call takes a while.
    slow = """

def _slowly(function):
    def ran(name):
        for _ in range(5_000_000):
            pass
        function(name)

    return ran


ran = _slowly(ran)
"""

    def tally(self, text):
        return text + self.slow


class Joblib(Peer):
    name = package = "joblib"
    head = 'from joblib import Memory; memory = Memory(".joblib", verbose=0)'
    decorator = "memory.cache{options}"
    able = Peer.able | {"ignore", "async"}
    # "Caching methods: you cannot decorate a method at class definition."
    decorates_methods = False

    def options(self, marker, function):
        names = re.findall(r"\bignore=(\S+)", marker)
        return "(ignore=%r)" % names[0].split(",") if names else ""


class Cachier(Peer):
    name = package = "cachier"
    head = "from cachier import cachier"
    decorator = "cachier()"
    able = Peer.able | {"async"}


class Diskcache(Peer):
    name = package = "diskcache"
    head = 'from diskcache import Cache; cache = Cache(".diskcache")'
    decorator = "cache.memoize({options})"
    able = Peer.able | {"ignore"}

    def options(self, marker, function):
        names = re.findall(r"\bignore=(\S+)", marker)
        if not names:
            return ""
        wanted = set(names[0].split(","))
        parameters = [argument.arg for argument in function.args.args] if function else []
        return "ignore=%r" % (wanted | {at for at, name in enumerate(parameters) if name in wanted})


class Locache(Peer):
    name = package = "locache"
    head = "from locache import persist"
    decorator = "persist"


class Astrocache(Peer):
    name = package = "astrocache"
    head = "import astrocache"
    decorator = "astrocache.cache()"
    env = {"ASTROCACHE_DIR": "{cache}"}


PEERS = [PythonDevstash, Pycasher, Rote, Joblib, Cachier, Diskcache, Locache, Astrocache]


class Rewriting:
    """One script for one peer: markers become decorators or wrapped callables."""

    def __init__(self, text, peer):
        self.source = text
        self.peer = peer
        self.tree = ast.parse(text)
        self.lines = text.splitlines()
        self.edits = []  # of (line, column, text to put there)
        self.decorated = set()
        self.wraps = False
        self.functions, self.methods = {}, {}
        for node in self.tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.functions.setdefault(node.name, []).append(node)
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    self.methods.setdefault(inner.name, []).append(inner)

    def text(self):
        for line, marker in self.markers():
            for statement in self.statements(line):
                self.mark(statement, marker)
        lines = list(self.lines)
        for line, column, text in sorted(self.edits, reverse=True):
            at = lines[line - 1]
            # ast counts in bytes of UTF-8.
            before = at.encode()[:column].decode()
            lines[line - 1] = before + text + at[len(before) :]
        head = [self.peer.head]
        if self.wraps:
            head.append("__cached__ = " + self.peer.decorator.format(options=""))
        return "\n".join(head + lines) + "\n"

    def markers(self):
        """The line each marker is for, and its text."""
        for token in tokenize.generate_tokens(StringIO(self.source).readline):
            if token.type == tokenize.COMMENT and token.string.startswith("# @devstash"):
                alone = not token.line[: token.start[1]].strip()
                yield token.start[0] + (1 if alone else 0), token.string

    def statements(self, line):
        """The innermost statements that have this line in their header."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.stmt):
                body = [*getattr(node, "body", []), *(case.pattern for case in getattr(node, "cases", []))]
                end = body[0].lineno - 1 if body else node.end_lineno
                if node.lineno <= line <= max(end, node.lineno):
                    yield node

    def mark(self, statement, marker):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.decorate(statement, marker)
            return
        if isinstance(statement, ast.ClassDef):
            return
        parts = [value for name, value in ast.iter_fields(statement) if name not in ("body", "orelse", "cases")]
        for call in outermost(parts):
            self.mark_call(call, marker)

    def mark_call(self, call, marker):
        function = call.func
        if isinstance(function, ast.Name) and function.id in ("print",):
            for inner in outermost(call.args):
                self.mark_call(inner, marker)
        elif isinstance(function, ast.Name) and function.id in self.functions:
            for node in self.functions[function.id]:
                self.decorate(node, marker)
        elif isinstance(function, ast.Attribute) and function.attr in self.methods and self.peer.decorates_methods:
            for node in self.methods[function.attr]:
                self.decorate(node, marker)
        else:
            self.wraps = True
            self.edits.append((function.lineno, function.col_offset, "__cached__("))
            self.edits.append((function.end_lineno, function.end_col_offset, ")"))

    def decorate(self, node, marker):
        """Put the decorator next to the `def`, under others that there may be."""
        if node in self.decorated:
            return
        self.decorated.add(node)
        options = self.peer.options(marker, node)
        indent = " " * node.col_offset
        text = "@%s\n%s" % (self.peer.decorator.format(options=options), indent)
        self.edits.append((node.lineno, node.col_offset, text))


def outermost(value):
    """The calls that are inside no other call, lambda bodies aside."""
    if isinstance(value, ast.Call):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from outermost(item)
    elif isinstance(value, ast.AST) and not isinstance(value, ast.Lambda):
        for _, inner in ast.iter_fields(value):
            yield from outermost(inner)
