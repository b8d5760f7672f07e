"""From a callable to a digest of every piece of project code that it can reach, and of the values this code
reads.

The walk follows names: a function's code says which module-level names it reads, these lead to functions,
classes, modules and data, and so on; closures, defaults, decorators (`__wrapped__`), bases, methods,
properties and class attributes as well, and the code held by any value on the way. It looks at the objects
as they are at the moment of the call, so a patched function counts as what it is now; only what code
objects say is remembered (bytecode.py).

Where a name cannot be followed exactly (`getattr` with a computed name, `globals()`, a module handed
around), more is counted than is needed: that costs a miss now and then, never a wrong answer.
"""

from __future__ import annotations

import sys
from _blake2 import blake2b
from _codecs import lookup_error

from . import origin
from .encode import ATOMS, DIGEST, Encoder, Unkeyable
from .facts import Facts, facts
from .kinds import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .steady import Steady

MISSING: Any = object()
# Longer texts and bytes are known by their digests.
_SHORT = 1000

# Code that names one of these can read what otherwise does not count.
_READS_DOCS = frozenset(("__doc__", "getdoc", "help"))
_READS_ANNOTATIONS = frozenset(
    ("__annotations__", "get_type_hints", "get_annotations", "signature", "getfullargspec", "__signature__")
)
_READS_SOURCE = frozenset(
    (
        "getsource",
        "getsourcelines",
        "getsourcefile",
        "findsource",
        "getcomments",
        "f_lineno",
        "tb_lineno",
        "co_firstlineno",
    )
)
_READS_GLOBALS = frozenset(("query", "globals", "eval", "exec", "locals", "modules"))
_READS_ALL = frozenset(("vars", "__dict__", "dir"))
_READS = _READS_DOCS | _READS_ANNOTATIONS | _READS_SOURCE | _READS_ALL
# The only double-underscored names of a module that are data of its author's.
_READABLE = ("__getattr__", "__all__", "__version__", "__doc__", "__file__")
_PLAIN = frozenset((str, int, float, bool, bytes, type(None), list, tuple, dict, set, frozenset))
# What lets code look at things that nothing in it names.
_UNTELLABLE = {
    "_getframe": "it looks at the frames of its callers",
    "currentframe": "it looks at the frames of its callers",
}
_IMPORTS = frozenset(("import_module", "__import__"))
# Modules with settings and registries of their own, which given.py knows how to read.
_REGISTERING = frozenset(
    (
        "calendar",
        "copy",
        "copyreg",
        "csv",
        "matplotlib",
        "mimetypes",
        "numpy",
        "pandas",
        "pickle",
        "polars",
        "sklearn",
        "sqlite3",
        "xml.etree.ElementTree",
    )
)
_COMPILED = (".so", ".pyd")


class Unsteady:
    """What takes the place of a `steady.Steady` in a walk that need not be remembered."""

    fails = True

    def binding(self, namespace: dict[str, Any], name: str, value: Any, digest: str = "") -> None:
        """See `Steady`."""

    def function(self, function: FunctionType) -> None:
        """See `Steady`."""


class Reach:
    """The code reached from one call, as components by name. `steady` is told what the walk looks at."""

    def __init__(self, encoder: Encoder, steady: Steady | Unsteady | None = None) -> None:
        self.encoder = encoder
        self.names: set[str] = set()
        #: Names that reached code binds or unbinds, as globals or attributes.
        self.written: set[str] = set()
        #: Project modules that the call could import but that nobody has imported yet.
        self.unimported: dict[str, Any] = {}
        #: The data that the code reads, by name: module-level values, defaults, what closures hold.
        self.values: dict[str, Any] = {}
        self._found: dict[str, list[str]] = {}
        self.seen: dict[int, Any] = {}
        self._globals: set[tuple[int, str]] = set()
        self._looked: set[tuple[int, int]] = set()
        self._loose: dict[str, tuple[ModuleType, int]] = {}
        self.documented: list[Any] = []
        #: Modules of packages and of the standard library that the code names or uses something of.
        self.named: set[str] = set()
        self._settled: set[str] = set()
        #: What was set in these modules.
        self.settings: dict[str, Any] = {}
        #: What the walk has looked at.
        self.steady = steady or Unsteady()
        #: Project modules that are read through their names.
        self.listed: dict[str, ModuleType] = {}

    def components(self) -> dict[str, str]:
        """Everything reached, once all that is still open has been followed."""
        met = self.encoder.met
        known = -1
        while known != (known := len(self.seen) + len(self.names) + len(met) + len(self.unimported)):
            for value in list(met.values()):
                self.steady.fails = True
                if id(value) not in self.seen:
                    self.follow(value)
            for name, (module, size) in list(self._loose.items()):
                if size != len(self.names):
                    self._loose[name] = (module, len(self.names))
                    self._attributes(module, self.names, False, frozenset())
            if "__subclasses__" in self.names:
                self.steady.fails = True
                for kind in list(self.documented):
                    if not isinstance(kind, FunctionType):
                        self._subclasses(kind)
            fresh = (self.named & _REGISTERING) - self._settled
            if fresh:
                from .given import follow_settings

                self.steady.fails = True
                self._settled |= fresh
                for name in sorted(fresh):
                    follow_settings(self, name)
            if self.unimported:
                from .unimported import follow

                follow(self)
        self._descriptive()
        return {name: _joined(digests) for name, digests in self._found.items()}

    def follow(self, value: Any) -> None:
        """Follow a function, method, class, module or other object to its code."""
        kind = type(value)
        if kind is FunctionType:
            self.function(value)
        elif kind is MethodType:
            self.follow(value.__func__)
        elif issubclass(kind, type):
            self.follow_class(value)
        elif kind is ModuleType or isinstance(value, ModuleType):
            self.steady.fails = True
            self.seen[id(value)] = value
            self._loosely(value)
            if kind is not ModuleType:
                self.follow_class(kind)
        elif kind is BuiltinFunctionType:
            self.seen[id(value)] = value
            self.place(origin.of_module_name(value.__module__))
            self.extension(value.__module__)
            self.named.add(str(value.__module__).lstrip("_"))  # `_csv.reader` is of csv
        else:
            wrapped = getattr(value, "__wrapped__", None)
            self.seen[id(value)] = value
            if type(wrapped) is FunctionType:  # functools.lru_cache and the like
                self.follow(wrapped)
            self.follow_class(kind)

    def put(self, name: str, digest: str) -> None:
        """Add a component. Two different things of one name count as both, in their order."""
        digests = self._found.setdefault(name, [])
        if digest not in digests:
            digests.append(digest)

    def replace(self, name: str, digest: str) -> None:
        """Set a component whose value becomes final only when all names are known."""
        self._found[name] = [digest]

    def _subclasses(self, kind: Any) -> None:
        """Follow the classes that reached code can list."""
        listed = type.__subclasses__(kind)
        self.put(
            f"subclasses {kind.__module__}.{kind.__qualname__}",
            self.data([c.__qualname__ for c in listed], "").decode(),
        )
        for derived in listed:
            self.follow_class(derived)

    # --- functions ----------------------------------------------------------------------------------------

    def function(self, function: FunctionType) -> None:
        if id(function) in self.seen:
            return
        self.seen[id(function)] = function
        self.steady.function(function)
        namespace = function.__globals__
        place = origin.of_namespace(namespace)
        if place != origin.PROJECT:
            self.named.add(str(function.__module__))
        own = function.__dict__
        wrapped = own.get("__wrapped__") if own else None
        name = f"{function.__module__}.{function.__qualname__}"
        code = function.__code__
        closure = function.__closure__
        if place != origin.PROJECT:
            # Of installed code only what the project gave to it counts.
            self.place(place)
            if closure:
                given = blake2b(digest_size=DIGEST)
                keeper, self.encoder.keeper = self.encoder.keeper, function
                try:
                    for variable, cell in zip(code.co_freevars, closure):
                        given.update(self._cell(f"{name}.{variable}", cell))
                finally:
                    self.encoder.keeper = keeper
                self.put("function " + name, given.hexdigest())
            if wrapped is not None:
                self.follow(wrapped)
            if "__supertype__" in own:  # a NewType, which is a function before Python 3.10
                held = (function.__name__, own["__supertype__"])
                self.put("function " + name, self.data(held, f"{name}.{function.__name__}").decode())
            self._settings(code, namespace, place)
            return
        known = facts(code)
        self.documented.append(function)
        hasher = blake2b(known.digest, digest_size=DIGEST)
        if function.__name__ != code.co_name:  # set by hand, as decorators do
            hasher.update(f"__name__={function.__name__};".encode("utf-8", "backslashreplace"))
        if function.__defaults__ or function.__kwdefaults__:
            defaults = (function.__defaults__, function.__kwdefaults__)
            hasher.update(self.data(defaults, f"{function.__qualname__}.__defaults__"))
        if closure:
            for variable, cell in zip(code.co_freevars, closure):
                hasher.update(self._cell(f"{function.__qualname__}.{variable}", cell))
        if own:
            attributes = {key: value for key, value in own.items() if key != "__wrapped__"}
            if attributes:
                hasher.update(self.data(attributes, function.__qualname__))
            if wrapped is not None:
                self.follow(wrapped)
        self._read(known, namespace, hasher)
        self.put("function " + name, hasher.hexdigest())

    def _settings(self, code: CodeType, namespace: dict[str, Any], place: str) -> None:
        """What the project may have set in the module of an installed function: plain values, and code or
        objects of its own. What the function itself keeps there is its own affair, and so are the values
        that the standard library keeps."""
        known = facts(code)
        for name in known.globals:
            value = namespace.get(name)
            if name in known.stores or name[:2] == "__":
                continue
            if name not in namespace:
                self.steady.binding(namespace, name, MISSING)
                continue
            if type(value) is FunctionType:
                self.steady.binding(namespace, name, value)
                if origin.of_namespace(value.__globals__) == origin.PROJECT:
                    self.function(value)
            elif isinstance(value, type):
                if value.__module__ != "builtins" and id(value) not in self.seen:
                    self.follow_class(value)
            elif place == origin.PYTHON:
                self._unread(namespace, name, value)
            elif (
                type(value) in _PLAIN
                or not isinstance(value, ModuleType)
                and not type(value).__module__.startswith("_cython_")  # a function that was compiled
                and origin.of_class(type(value)) == origin.PROJECT
            ):
                self._setting(namespace, name, value)
            else:
                self._unread(namespace, name, value)

    def _unread(self, namespace: dict[str, Any], name: str, value: Any) -> None:
        """What a name of an installed module is bound to does not count, unless it were a function or a class."""
        if type(value) is ModuleType or is_constant(value) or is_pythons(value):
            self.steady.binding(namespace, name, value)
        else:
            self.steady.fails = True

    def _setting(self, namespace: dict[str, Any], name: str, value: Any) -> None:
        place = (id(namespace), name)
        if place in self._globals or value is sys.modules:
            return
        self._globals.add(place)
        if name.islower():  # the look costs more than the digest, and constants are no credentials
            from .clients import is_credential

            if is_credential(name):
                self._unread(namespace, name, value)
                return
        path = f"{namespace.get('__name__')}.{name}"
        try:
            digest = self.encoder.digest(value, path)
            self.steady.binding(namespace, name, value, digest)
            self.put("global " + path, digest)
        except Unkeyable:
            if type(value) not in _PLAIN:
                raise
            self.steady.fails = True
            # A collection of the package's own things, which count by its version.

    def _cell(self, path: str, cell: Any) -> bytes:
        """What a closure holds. Functions in it count with their docstrings: a decorator may read them."""
        try:
            value = cell.cell_contents
        except ValueError:
            return b"empty"
        if id(value) in self.seen and isinstance(value, (FunctionType, type)):
            self.steady.fails = True
            return f"{value.__module__}.{value.__qualname__}".encode()
        if isinstance(value, type):
            self.follow(value)
            return f"{value.__module__}.{value.__qualname__}".encode()
        return self.data(value, path)

    def data(self, value: Any, path: str) -> bytes:
        self.values[path] = value
        return self.encoder.digest(value, path).encode()

    def expression(self, known: Facts, names: dict[str, Any]) -> str:
        """Follow the functions, classes and modules that an expression names, and return a digest of its
        code.

        The other values that it names are its arguments.
        """
        self.steady.fails = True
        hasher = blake2b(known.digest, digest_size=DIGEST)
        namespace: dict[str, Any] = {"__name__": "__main__"}
        for name, value in names.items():
            if is_code(value):
                namespace[name] = value
        self.names |= known.names
        self.written |= known.written
        for name, value in namespace.items():
            if name != "__name__":
                self._global(namespace, name, value, known, hasher)
        if known.dynamic:
            self.names |= known.words
        return hasher.hexdigest()

    def _read(self, known: Facts, namespace: dict[str, Any], hasher: Any) -> None:
        """Follow the names that a piece of code reads."""
        self.names |= known.names
        self.written |= known.written
        for name in known.globals:
            value = namespace.get(name, MISSING)
            if value is MISSING:
                self.steady.binding(namespace, name, MISSING)
                value = self._builtin(namespace, name)
                if type(value) is FunctionType:  # a builtin that was replaced, or `help` and its kind
                    self.function(value)
                continue
            self._global(namespace, name, value, known, hasher)
        if known.imports or known.dynamic or known.handlers:
            self.steady.fails = True
        if known.imports:
            for asked in known.imports:
                self.imported(asked, namespace, known)
        if known.dynamic:
            self._dynamic(known, namespace, hasher)
        for name in known.handlers:
            try:
                handler = lookup_error(name)
            except LookupError:
                continue
            if type(handler) is FunctionType and origin.of_namespace(handler.__globals__) == origin.PROJECT:
                self.function(handler)

    def _global(self, namespace: dict[str, Any], name: str, value: Any, known: Facts | None, hasher: Any) -> None:
        """Follow one module-level name. What it is bound to is noted in `hasher` where the name alone does
        not say.
        """
        kind = type(value)
        if kind is FunctionType or kind is ModuleType or is_constant(value) or is_pythons(value):
            self.steady.binding(namespace, name, value)
        if kind is FunctionType or issubclass(kind, type):
            home, called = value.__module__, value.__qualname__
            if called == name and home == namespace.get("__name__"):
                self.follow(value)
                return
            if _is_named(value, home, called):
                self._held(sys.modules[home], called, value)
                hasher.update(f"{name}={home}.{called};".encode("utf-8", "backslashreplace"))
                self.follow(value)
                return
        elif isinstance(value, ModuleType):
            hasher.update(f"{name}={value.__name__};".encode())
            if known is None:
                self._loosely(value)
            else:
                if name in known.bare:
                    self._loosely(value)
                self._module(value, known)
            return
        elif kind is BuiltinFunctionType and (value.__self__ is None or isinstance(value.__self__, ModuleType)):
            hasher.update(f"{name}={value.__module__}.{value.__qualname__};".encode())
            self.follow(value)
            return
        elif name == "__builtins__":
            return
        place = (id(namespace), name)
        if place in self._globals:
            return
        self._globals.add(place)
        path = f"{namespace.get('__name__')}.{name}"
        self.values["global " + path] = value
        digest = self.encoder.digest(value, path)
        if kind is BuiltinFunctionType:  # a method of an object
            self.steady.fails = True
        elif not is_constant(value):
            self.steady.binding(namespace, name, value, digest)
        self.put("global " + path, digest)

    def _held(self, module: ModuleType, name: str, value: Any) -> None:
        """A module knows a function by this name."""
        if "." in name:
            self.steady.fails = True
        else:
            self.steady.binding(vars(module), name, value)

    def _builtin(self, namespace: dict[str, Any], name: str) -> Any:
        found = namespace.get("__builtins__")
        if isinstance(found, ModuleType):
            found = vars(found)
        if not isinstance(found, dict):
            self.steady.fails = True
            return None
        value = found.get(name, MISSING)
        self.steady.binding(found, name, value)
        return None if value is MISSING else value

    def _dynamic(self, known: Facts, namespace: dict[str, Any], hasher: Any) -> None:
        """Follow the names that code may look up by their text."""
        for name, why in _UNTELLABLE.items():
            if name in known.names:
                raise Unkeyable(name, "builtins.function", why)
        text = next((name for name in ("eval", "exec") if name in known.globals and name not in namespace), None)
        if text is not None:
            raise Unkeyable(text, "builtins.function", "it runs text as code, and what that reads cannot be told")
        self.names |= known.words
        if not _READS_GLOBALS.isdisjoint(known.names):
            for name, value in sorted(namespace.items()):
                if name in known.words or (_is_code(value) and value.__module__ == namespace.get("__name__")):
                    self._global(namespace, name, value, known, hasher)
        if not _IMPORTS.isdisjoint(known.names):
            asked = [word for word in sorted(known.words) if self.imported((word, 0, ()), namespace, known)]
            if not asked:  # computed: whichever module it will be
                for name, module in sorted(sys.modules.items()):
                    if isinstance(module, ModuleType) and origin.of_namespace(vars(module)) == origin.PROJECT:
                        self._file(name, getattr(module, "__file__", None))

    def _file(self, name: object, file: object) -> None:
        """Count a module's whole text."""
        self.steady.fails = True
        if isinstance(file, str) and isinstance(name, str):
            from .contents import digest_of_file

            content = digest_of_file(file)
            if content is not None:
                self.put("module " + name, content.hex())

    # --- modules ------------------------------------------------------------------------------------------

    def _module(self, module: ModuleType, known: Facts) -> None:
        """Follow the attributes of a module that a piece of code may read."""
        place = (id(module), id(known))
        if place in self._looked:
            return
        self._looked.add(place)
        self.seen[id(module)] = module
        if module is sys:
            self.steady.fails = True
            if "argv" in known.names:
                self.put("global sys.argv", self.encoder.digest(sys.argv, "sys.argv"))
            if "flags" in known.names:
                self.put("global sys.flags", self.encoder.digest(tuple(sys.flags), "sys.flags"))
        self._attributes(module, known.names, known.dynamic, known.words)

    def _loosely(self, module: ModuleType) -> None:
        """Follow a module that is handed around: any code that is reached may read its attributes."""
        place = origin.of_namespace(vars(module))
        if place != origin.PROJECT:
            self.place(place)
        elif module.__name__ not in self._loose:
            self.steady.fails = True
            self._loose[module.__name__] = (module, -1)

    def _attributes(self, module: ModuleType, names: Any, dynamic: bool, words: frozenset[str]) -> None:
        namespace = vars(module)
        place = origin.of_namespace(namespace)
        if type(module) is not ModuleType:
            self.steady.fails = True
        if not self.steady.fails:
            for name in names:
                if name not in namespace:
                    self.steady.binding(namespace, name, MISSING)
        if type(module) is not ModuleType and id(type(module)) not in self.seen:
            self.follow_class(type(module))  # its attributes may be made by properties
        if place != origin.PROJECT:
            self.place(place)
            self.named.add(module.__name__)
            for name in sorted(filter(namespace.__contains__, names)):
                value = namespace[name]
                # The package's own functions count by its version; one that the project put there, as
                # itself.
                if type(value) is FunctionType:
                    self.steady.binding(namespace, name, value)
                    self.function(value)
                elif isinstance(value, type):
                    self.follow_class(value)
                elif type(value) in _PLAIN and name[:2] != "__":  # `sys.argv`
                    self._setting(namespace, name, value)
                else:
                    self._unread(namespace, name, value)
                if type(value) is ModuleType and value.__name__.startswith(module.__name__ + "."):
                    step = (id(value), id(names))
                    if step not in self._looked:
                        self._looked.add(step)
                        self._attributes(value, names, dynamic, words)
            return
        if dynamic:
            self.steady.fails = True
            self.listed[module.__name__] = module
        hasher = blake2b(digest_size=DIGEST)
        empty = hasher.digest()
        everything = dynamic and not _READS_ALL.isdisjoint(names)
        for name in sorted(namespace) if dynamic else sorted(filter(namespace.__contains__, names)):
            value = namespace[name]
            if dynamic and name not in names and name not in words and not everything and not _is_code(value):
                continue
            if name[:2] == "__" and name not in _READABLE:
                continue
            if isinstance(value, ModuleType):
                self.steady.binding(namespace, name, value)
                self.seen[id(value)] = value
                hasher.update(f"{name}={value.__name__};".encode())
                place_of = origin.of_namespace(vars(value))
                if place_of == origin.PROJECT:
                    self._loosely(value)
                else:
                    self.place(place_of)
            else:
                self._global(namespace, name, value, None, hasher)
        made = namespace.get("__getattr__")
        if made is None:
            self.steady.binding(namespace, "__getattr__", MISSING)
        else:
            self.steady.fails = True
        if type(made) is FunctionType:
            self.function(made)
        if hasher.digest() != empty:
            self.put(f"module {module.__name__}", hasher.hexdigest())
        self.extension(module.__name__)

    def extension(self, name: object) -> None:
        """Count a compiled module of the project by its whole file: what its functions do can be told from
        nothing else."""
        module = sys.modules.get(name) if isinstance(name, str) else None
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(_COMPILED) and origin.of_module_name(name) == origin.PROJECT:
            self._file(name, file)

    def imported(self, asked: tuple[str, int, tuple[str, ...]], namespace: dict[str, Any], known: Facts) -> bool:
        """Follow an import made by the code when it runs. Says whether there is such a module."""
        name, level, parts = asked
        if level:
            package = namespace.get("__package__")
            if not isinstance(package, str):
                package = str(namespace.get("__name__", ""))
                if "__path__" not in namespace:
                    package = package.rpartition(".")[0]
            for _ in range(level - 1):
                package = package.rpartition(".")[0]
            name = f"{package}.{name}" if name else package
        found = False
        steps = name.split(".")
        wanted = [".".join(steps[: count + 1]) for count in range(len(steps))]
        for module_name in wanted + [f"{name}.{part}" for part in parts]:
            module = sys.modules.get(module_name)
            if isinstance(module, ModuleType):
                found = True
                self._module(module, known)
                self._loosely(module)
            elif module_name not in self.unimported:
                from .unimported import Source, locate

                source = locate(module_name)
                if isinstance(source, str):
                    found = True
                    self.place(source)
                    self.unimported[module_name] = Source(module_name, True, None)  # its text does not count
                elif source is not None:
                    found = True
                    self.unimported[module_name] = source
        return found

    def place(self, place: str) -> None:
        if place != origin.PYTHON and place != origin.PROJECT:
            name, _, version = place.partition(" ")
            self.named.add(name)
            self.put("package " + name, blake2b(version.encode(), digest_size=DIGEST).hexdigest())

    def follow_class(self, kind: Any) -> None:
        """Follow a class."""
        self.steady.fails = True
        if id(kind) not in self.seen:
            from .classes import follow_class

            follow_class(self, kind)

    # --- what only some code can read ---------------------------------------------------------------------

    def _descriptive(self) -> None:
        """Docstrings, annotations and source text, where reached code could read them."""
        if not self.names.isdisjoint(_READS):
            self.steady.fails = True
        if not _READS_SOURCE.isdisjoint(self.names):
            for home in sorted({str(obj.__module__) for obj in self.documented}):
                self._file(home, getattr(sys.modules.get(home), "__file__", None))
        for trigger, name in ((_READS_DOCS, "documentation"), (_READS_ANNOTATIONS, "annotations")):
            if trigger.isdisjoint(self.names):
                continue
            from .standard import annotations_of

            held: list[Any] = []
            for obj in self.documented:
                called = f"{obj.__module__}.{obj.__qualname__}"
                if name == "annotations":
                    held.append((called, annotations_of(obj)))
                elif isinstance(obj, FunctionType):
                    held.append((called, obj.__doc__, facts(obj.__code__).docs))
                else:
                    held.append((called, obj.__dict__.get("__doc__")))
            self.put(name, self.encoder.digest(held, name))
        if not _READS_ALL.isdisjoint(self.names):
            self.put("order", self.encoder.digest(self._order(), "order"))

    def _order(self) -> list[Any]:
        """Names in the order in which they were bound, of all classes and modules that code may list."""
        from .classes import NOT_LISTED

        held: list[Any] = []
        for kind in self.documented:
            if not isinstance(kind, FunctionType):
                held.append((kind.__module__, kind.__qualname__, [n for n in vars(kind) if n not in NOT_LISTED]))
        for name, (module, _) in self._loose.items():
            held.append((name, "", [n for n in vars(module) if n[:2] != "__"]))
        for module in self.listed.values():
            held.append((module.__name__, "", [n for n in vars(module) if n[:2] != "__"]))
        return sorted(held)


def is_constant(value: Any) -> bool:
    """Whether a value cannot be changed in place, and is small enough to be held on to."""
    kind = type(value)
    return kind in ATOMS and (kind is not str and kind is not bytes or len(value) < _SHORT)


def is_pythons(value: Any) -> bool:
    """Whether a value is a function or class written in C that is there for as long as Python is."""
    if type(value) is BuiltinFunctionType:
        return value.__self__ is None or type(value.__self__) is ModuleType
    return type(value) is type and value.__module__ == "builtins"


def _joined(digests: list[str]) -> str:
    if len(digests) == 1:
        return digests[0]
    return blake2b("".join(digests).encode(), digest_size=DIGEST).hexdigest()


def is_code(value: Any) -> bool:
    """Whether a value that a name is bound to counts by what it does rather than by what it holds."""
    return _is_code(value) or isinstance(value, ModuleType) or type(value) is BuiltinFunctionType


def _is_code(value: Any) -> bool:
    return type(value) is FunctionType or issubclass(type(value), type)


def _is_named(value: Any, module: object, name: str) -> bool:
    """Whether a function or class is what its own module knows by its name."""
    home = sys.modules.get(module) if isinstance(module, str) else None
    found: Any = home
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return found is value
