"""The sites of a plan in a syntax tree, and the call protocol around each of them.

A call `f(a, k=b)` becomes, with `D` for the builtin `@devstash`:

    (D.value() if D(3, f)(a, k=b) else D.keep()(D.callee()(*D.args(0), **D.kwargs(0))))

so that the call itself is made by the script's own frame: `warnings` with a stacklevel, `sys._getframe`,
`inspect.stack` and tracebacks see what they would see without us. The body of a marked function is guarded in place
for the same reason. A node that is moved keeps its position, which keeps every line number and every caret of a
traceback as they are without us.
"""

from __future__ import annotations

import _ast
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    # (line, column, end line, end column); lines from 1, columns in UTF-8 bytes from 0
    Span = tuple[int, int, int, int]

VERSION = sys.version_info[:2]
# No script can have a name like this; a tree, unlike a text, can.
BUILTIN = "@devstash"


class Untouchable(Exception):
    """The script cannot be rewritten faithfully; it is run as it is. The text says why."""


# --- building nodes ---------------------------------------------------------------------------------------------


def _name(identifier: str) -> _ast.Name:
    return _ast.Name(id=identifier, ctx=_ast.Load())


def _method(method: str, *arguments: _ast.expr) -> _ast.Call:
    attribute = _ast.Attribute(value=_name(BUILTIN), attr=method, ctx=_ast.Load())
    return _ast.Call(func=attribute, args=list(arguments), keywords=[])


def _constant(value: Any) -> _ast.Constant:
    return _ast.Constant(value=value, kind=None)


def _children(node: _ast.AST) -> list[_ast.AST]:
    """The direct child nodes, in the order of the grammar's fields."""
    found = []
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, _ast.AST):
            found.append(value)
        elif isinstance(value, list):
            found.extend(item for item in value if isinstance(item, _ast.AST))
    return found


def _place(node: _ast.AST, position: Span) -> Any:
    """Give `position` to `node` and to all below it that have none yet, and return `node`."""
    if "lineno" in node._attributes and getattr(node, "lineno", None) is None:
        node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = position  # type: ignore[attr-defined]
    for child in _children(node):
        _place(child, position)
    return node


def _move(node: _ast.AST, position: Span) -> Any:
    """Like `_place`, over whatever positions the nodes had."""
    if "lineno" in node._attributes:
        node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = position  # type: ignore[attr-defined]
    for child in _children(node):
        _move(child, position)
    return node


def _span(node: Any) -> Span:
    return (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


# An artificial instruction has no line from 3.10 on, so that tracers (pdb, coverage) do not stop at it.
def _nowhere(near: _ast.AST) -> Span:
    return (-1, -1, -1, -1) if VERSION >= (3, 10) else _span(near)


# --- calls ------------------------------------------------------------------------------------------------------


def _call_position(call: _ast.Call, imports: frozenset[str]) -> Span:
    """Where CPython says that `call` happens, given that our copy of it is never compiled as a method call.

    A method call spread over lines is placed at the method's name (`update_start_location_to_match_attr` in
    CPython's Python/compile.c and codegen.c; from 3.10 on, lines only there).
    """
    function = call.func
    position = _span(call)
    if VERSION < (3, 10) or not isinstance(function, _ast.Attribute):
        return position
    if any(isinstance(item, _ast.Starred) for item in call.args) or any(k.arg is None for k in call.keywords):
        return position
    if VERSION < (3, 11) and call.keywords:
        return position
    if len(call.args) + len(call.keywords) + bool(call.keywords) >= 30:
        return position
    if VERSION >= (3, 12) and isinstance(function.value, _ast.Name) and function.value.id in imports:
        return position
    line = function.end_lineno
    if line == call.lineno or line is None:
        return position
    column = (function.end_col_offset or 0) - len(function.attr)
    end_line, end = call.end_lineno or line, call.end_col_offset or 0
    if VERSION < (3, 11):
        return (line, call.col_offset, max(line, end_line), end)
    if column < 0:
        return (line, -1, max(line, end_line), -1)
    return (line, column, end_line, max(end, column) if line == end_line else end)


def _spine(site: _ast.expr) -> tuple[list[Any], int]:
    """The chain from the whole site down to its first call, outermost first, and the root call's index in it."""
    nodes: list[Any] = []
    node: Any = site
    while isinstance(node, (_ast.Call, _ast.Attribute, _ast.Subscript, _ast.Await)):
        nodes.append(node)
        node = node.func if isinstance(node, _ast.Call) else node.value
    calls = [index for index, item in enumerate(nodes) if isinstance(item, _ast.Call)]
    if not calls:
        raise Untouchable("a site without a call")
    first = nodes[calls[-1]]
    if len(calls) > 1 and isinstance(first.func, _ast.Name) and first.func.id == "super":
        return nodes, calls[-2]  # `super()` belongs to the callee: it only means something where it stands
    return nodes, calls[-1]


def rewrite_call(
    index: int, site: Any, key: _ast.expr | None, imports: frozenset[str]
) -> tuple[_ast.expr, tuple[str, ...]]:
    """The protocol around one call or chain, and the texts of the links after the first call."""
    position = _span(site)
    nodes, root = _spine(site)
    ask: list[_ast.expr] = [_constant(index), nodes[root].func]
    if key is not None:
        ask.append(key)
    test: _ast.expr = _ast.Call(func=_name(BUILTIN), args=ask, keywords=[])
    run: _ast.expr = _method("callee")
    links: list[str] = []
    text = ""
    number = 0
    for node in reversed(nodes[: root + 1]):
        if isinstance(node, _ast.Call):
            where = _call_position(node, imports)
            test = _place(_ast.Call(func=test, args=node.args, keywords=node.keywords), where)
            arguments = _ast.Starred(value=_method("args", _constant(number)), ctx=_ast.Load())
            keywords = _ast.keyword(arg=None, value=_method("kwargs", _constant(number)))
            run = _place(_ast.Call(func=run, args=[arguments], keywords=[keywords]), where)
            links.append(text + "()")
            text = ""
            number += 1
        elif isinstance(node, _ast.Subscript):
            where = _span(node)
            test = _place(_ast.Subscript(value=test, slice=node.slice, ctx=_ast.Load()), where)
            run = _place(_ast.Subscript(value=run, slice=_method("item", _constant(number)), ctx=_ast.Load()), where)
            links.append(text + "[]")
            text = ""
            number += 1
        elif isinstance(node, _ast.Attribute):
            run = _place(_ast.Attribute(value=run, attr=node.attr, ctx=_ast.Load()), _span(node))
            text += "." + node.attr
        else:
            run = _place(_ast.Await(value=run), _span(node))
            text += " await"
    if text:
        links.append(text)
    if any(isinstance(node, _ast.Await) for node in nodes[: root + 1]):
        test = _awaited(test)
    store = _ast.Call(func=_method("keep"), args=[run], keywords=[])
    whole = _ast.IfExp(test=test, body=_method("value"), orelse=store)
    return _place(whole, position), tuple(links[1:])


def _awaited(test: _ast.expr) -> _ast.expr:
    """`await TEST.turn()`: the decision in a place that can wait without blocking its event loop."""
    turn = _ast.Attribute(value=test, attr="turn", ctx=_ast.Load())
    return _ast.Await(value=_ast.Call(func=turn, args=[], keywords=[]))


# --- expressions ------------------------------------------------------------------------------------------------


def _certain(node: _ast.AST, names: dict[str, _ast.Name]) -> None:
    """Collect the names that evaluating `node` reads whatever happens, each with its first place."""
    if isinstance(node, _ast.Name):
        names.setdefault(node.id, node)
    elif isinstance(node, _ast.IfExp):
        _certain(node.test, names)
    elif isinstance(node, _ast.BoolOp):
        _certain(node.values[0], names)
    elif isinstance(node, _ast.Compare):
        _certain(node.left, names)
        _certain(node.comparators[0], names)
    elif isinstance(node, (_ast.ListComp, _ast.SetComp, _ast.DictComp, _ast.GeneratorExp)):
        _certain(node.generators[0].iter, names)
    elif not isinstance(node, _ast.Lambda):
        for child in _children(node):
            _certain(child, names)


def rewrite_expression(
    index: int, site: Any, key: _ast.expr | None, reads: list[str]
) -> tuple[_ast.expr, tuple[str, ...]]:
    """The protocol around an expression without a call; its names go in by value where they are surely read.

    Returns the new node and, in order, the names whose values it passes; the others (read only in one branch, say)
    are looked up by the runtime, because naming them here could raise where the expression itself would not.
    """
    certain: dict[str, _ast.Name] = {}
    _certain(site, certain)
    passed = [name for name in reads if name in certain]
    ask: list[_ast.expr] = [_constant(index), _constant(None)]
    if key is not None:
        ask.append(key)
    values: list[_ast.expr] = [_move(_name(name), _span(certain[name])) for name in passed]
    test = _ast.Call(func=_ast.Call(func=_name(BUILTIN), args=ask, keywords=[]), args=values, keywords=[])
    store = _ast.Call(func=_method("keep"), args=[site], keywords=[])
    whole = _ast.IfExp(test=test, body=_method("value"), orelse=store)
    return _place(whole, _span(site)), tuple(passed)


# --- functions --------------------------------------------------------------------------------------------------


class _Returns:
    """Hands each returned value of one function's own scope to the runtime on its way out."""

    def visit(self, node: _ast.AST) -> None:
        for child in _children(node):
            if isinstance(child, _ast.Return):
                value = child.value if child.value is not None else _place(_constant(None), _span(child))
                child.value = _place(_method("returned", value), _span(child))
            elif not isinstance(child, (_ast.FunctionDef, _ast.AsyncFunctionDef, _ast.ClassDef, _ast.expr)):
                self.visit(child)


def rewrite_function(index: int, function: Any, key: _ast.expr | None) -> tuple[str, ...]:
    """Guard the body of `function` in place; returns the parameters' names in the order they are passed."""
    given = function.args
    parameters = [a.arg for a in given.posonlyargs + given.args]
    if given.vararg:
        parameters.append(given.vararg.arg)
    parameters += [a.arg for a in given.kwonlyargs]
    if given.kwarg:
        parameters.append(given.kwarg.arg)
    body = function.body
    first = body[0]
    head: list[_ast.stmt] = []
    if isinstance(first, _ast.Expr) and isinstance(first.value, _ast.Constant) and isinstance(first.value.value, str):
        head, body = [first], body[1:]
    start = body[0] if body else first
    _Returns().visit(_ast.Module(body=body, type_ignores=[]))
    if not body:
        body = [_move(_ast.Pass(), _nowhere(start))]
    if not isinstance(body[-1], (_ast.Return, _ast.Raise)):
        # Whatever a `finally` or a `with` did to an earlier return, falling off the end returns None.
        body = [*body, _move(_ast.Expr(value=_method("returned", _constant(None))), _nowhere(body[-1]))]
    ask: list[_ast.expr] = [_constant(index), _constant(None)]
    if key is not None:
        ask.append(key)
    values: list[_ast.expr] = [_name(name) for name in parameters]
    test: _ast.expr = _ast.Call(func=_ast.Call(func=_name(BUILTIN), args=ask, keywords=[]), args=values, keywords=[])
    if isinstance(function, _ast.AsyncFunctionDef):
        test = _awaited(test)
    guard = _ast.If(test=test, body=[_ast.Return(value=_method("value"))], orelse=[])
    run = _move(_method("run"), _nowhere(start))
    around = _ast.With(items=[_ast.withitem(context_expr=run, optional_vars=None)], body=body, type_comment=None)
    where = (start.lineno, start.col_offset, start.lineno, start.col_offset)
    function.body = [*head, _place(guard, where), _place(around, _nowhere(start))]
    return tuple(parameters)


# --- generator functions ----------------------------------------------------------------------------------------


class _Yields:
    """Hands what one generator function yields to the runtime on its way out, and what is sent in on its way in."""

    def visit(self, node: _ast.AST) -> None:
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                for place, item in enumerate(value):
                    if isinstance(item, _ast.AST):
                        value[place] = self._replaced(item)
            elif isinstance(value, _ast.AST):
                setattr(node, field, self._replaced(value))

    def _replaced(self, node: Any) -> Any:
        if isinstance(node, (_ast.FunctionDef, _ast.AsyncFunctionDef, _ast.Lambda)):
            # Of another scope only the defaults and the decorators are evaluated here.
            self.visit(node.args)
            if not isinstance(node, _ast.Lambda):
                node.decorator_list = [self._replaced(item) for item in node.decorator_list]
            return node
        if isinstance(node, _ast.ClassDef):
            for part in (node.bases, node.keywords, node.decorator_list):
                part[:] = [self._replaced(item) for item in part]
            return node
        self.visit(node)
        where = _span(node) if isinstance(node, (_ast.Yield, _ast.YieldFrom)) else (0, 0, 0, 0)
        if isinstance(node, _ast.Yield):
            node.value = _place(_method("yielded", node.value or _constant(None)), where)
            return _place(_method("resumed", node), where)
        if isinstance(node, _ast.YieldFrom):
            node.value = _place(_method("delegated", node.value), where)
        return node


# What a hit yields, in a function that cannot delegate; no script has a variable of this name.
_ITEM = "@devstash item"


def rewrite_generator(index: int, function: Any, key: _ast.expr | None) -> tuple[str, ...]:
    """Guard the body of a generator function in place, as `rewrite_function` does for others:

        if D(3)(a, b): return (yield from D.replay())
        with D.record(): …, each `yield x` being `D.resumed((yield D.yielded(x)))`

    An asynchronous one cannot delegate, and yields item by item. There, what is sent in by a hit's consumer is dropped.
    """
    body, head, parameters = _taken_apart(function)
    start = body[0] if body else head[0]
    is_async = isinstance(function, _ast.AsyncFunctionDef)
    block = _ast.Module(body=body, type_ignores=[])
    _Yields().visit(block)
    hit: list[_ast.stmt]
    if is_async:
        item = _ast.Name(id=_ITEM, ctx=_ast.Store())
        each = _ast.Expr(value=_ast.Yield(value=_name(_ITEM)))
        hit = [
            _ast.For(target=item, iter=_method("replay"), body=[each], orelse=[], type_comment=None),
            _ast.Return(value=None),
        ]
    else:
        _Returns().visit(block)
        hit = [_ast.Return(value=_ast.YieldFrom(value=_method("replay")))]
    guard = _ast.If(test=_asked(index, key, parameters), body=hit, orelse=[])
    run = _move(_method("record"), _nowhere(start))
    around = _ast.With(items=[_ast.withitem(context_expr=run, optional_vars=None)], body=block.body, type_comment=None)
    where = (start.lineno, start.col_offset, start.lineno, start.col_offset)
    function.body = [*head, _place(guard, where), _place(around, _nowhere(start))]
    return tuple(parameters)


def _taken_apart(function: Any) -> tuple[list[_ast.stmt], list[_ast.stmt], list[str]]:
    """Body without docstring, the docstring, and the parameters' names in the order they are passed."""
    given = function.args
    parameters = [a.arg for a in given.posonlyargs + given.args]
    if given.vararg:
        parameters.append(given.vararg.arg)
    parameters += [a.arg for a in given.kwonlyargs]
    if given.kwarg:
        parameters.append(given.kwarg.arg)
    body = function.body
    first = body[0]
    if isinstance(first, _ast.Expr) and isinstance(first.value, _ast.Constant) and isinstance(first.value.value, str):
        return body[1:], [first], parameters
    return body, [], parameters


def _asked(index: int, key: _ast.expr | None, parameters: list[str]) -> _ast.expr:
    """`D(index, None, key)(parameter, …)`."""
    ask: list[_ast.expr] = [_constant(index), _constant(None)]
    if key is not None:
        ask.append(key)
    values: list[_ast.expr] = [_name(name) for name in parameters]
    return _ast.Call(func=_ast.Call(func=_name(BUILTIN), args=ask, keywords=[]), args=values, keywords=[])


# --- the whole script -------------------------------------------------------------------------------------------


class Rewriter:
    """Replaces the sites of one plan in one tree; `table` then describes them for the runtime."""

    def __init__(self, plan: dict[str, Any], lines: list[str] | None) -> None:
        self.sites: list[dict[str, Any]] = plan["sites"]
        self.imports = frozenset(plan.get("imports", ()))
        self.details: dict[int, Any] = {}
        self._functions: dict[tuple[int, int], int] = {}
        self._spans: dict[Span, int] = {}
        self._in_fstrings: dict[Span, dict[tuple[int, int], int]] = {}
        for index, site in enumerate(self.sites):
            span = self._bytes(site["span"], lines)
            fstring = site.get("fstring")
            if site["kind"] == "function":
                self._functions[span[0], span[1]] = index
            elif fstring and VERSION < (3, 12):
                # Before 3.12 nodes inside an f-string carry no usable position.
                whole = self._bytes(fstring["span"], lines)
                self._in_fstrings.setdefault(whole, {})[fstring["index"], fstring.get("up", 0)] = index
            else:
                self._spans[span] = index

    @staticmethod
    def _bytes(span: list[int], lines: list[str] | None) -> Span:
        line, column, end_line, end_column = span
        if lines is None:
            return (line, column, end_line, end_column)
        return (
            line,
            len(lines[line - 1][:column].encode("utf-8", "surrogatepass")),
            end_line,
            len(lines[end_line - 1][:end_column].encode("utf-8", "surrogatepass")),
        )

    def rewrite(self, tree: _ast.Module) -> None:
        """Replace every site of the plan in `tree`; raises Untouchable when one cannot be found."""
        self._visit(tree)
        missing = [site for index, site in enumerate(self.sites) if index not in self.details]
        if missing:
            raise Untouchable("the statement on line %d was not found again" % missing[0]["line"])

    def _visit(self, node: _ast.AST) -> None:
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                for place, item in enumerate(value):
                    if isinstance(item, _ast.AST):
                        value[place] = self._replaced(item)
            elif isinstance(value, _ast.AST):
                setattr(node, field, self._replaced(value))

    def _replaced(self, node: Any) -> Any:
        if isinstance(node, (_ast.FunctionDef, _ast.AsyncFunctionDef)):
            self._visit(node)
            index = self._functions.get((node.lineno, node.col_offset))
            if index is not None:
                self._function(index, node)
            return node
        if isinstance(node, _ast.expr):
            index = self._spans.get(_span(node))
            if index is not None and index not in self.details and self._fits(index, node):
                return self._expression(index, node)
        if isinstance(node, _ast.JoinedStr) and VERSION < (3, 12):
            wanted = self._in_fstrings.get(_span(node))
            if wanted is not None:
                self._fstring(node, wanted)
            return node
        self._visit(node)
        return node

    def _fits(self, index: int, node: _ast.expr) -> bool:
        if self.sites[index]["kind"] == "expression":
            return not isinstance(node, _ast.Starred)
        return isinstance(node, (_ast.Call, _ast.Await, _ast.Attribute, _ast.Subscript))

    def _fstring(self, whole: _ast.JoinedStr, wanted: dict[tuple[int, int], int]) -> None:
        """Replace the sites inside an f-string; a site is (number of a call in preorder, parents above it)."""
        found: list[tuple[int, list[tuple[Any, Any]]]] = []
        calls = 0

        def look(node: _ast.AST, way: list[tuple[Any, Any]]) -> None:
            nonlocal calls
            for field in node._fields:
                value = getattr(node, field, None)
                for place, item in enumerate(value) if isinstance(value, list) else [(None, value)]:
                    if not isinstance(item, _ast.AST):
                        continue
                    here = [*way, (node, field) if place is None else (value, place)]
                    if isinstance(item, _ast.Call):
                        for (number, up), index in wanted.items():
                            if number == calls:
                                found.append((index, here[: len(here) - up]))
                        calls += 1
                    look(item, here)

        look(whole, [])
        for index, way in found:
            holder, place = way[-1]
            if isinstance(holder, list):
                holder[place] = self._expression(index, holder[place])
            else:
                setattr(holder, place, self._expression(index, getattr(holder, place)))

    def _key(self, index: int, where: Span) -> _ast.expr | None:
        text = self.sites[index]["options"].get("key")
        if text is None:
            return None
        expression: _ast.Expression = compile(text, "<key>", "eval", _ast.PyCF_ONLY_AST)  # type: ignore[assignment]
        return _move(expression.body, where)  # type: ignore[no-any-return]

    def _expression(self, index: int, node: Any) -> _ast.expr:
        key = self._key(index, _span(node))
        site = self.sites[index]
        if site["kind"] == "expression":
            code = compile(_ast.Expression(body=node), "<expression>", "eval", dont_inherit=True)
            fresh, passed = rewrite_expression(index, node, key, site["names"])
            self.details[index] = (passed, code)
            return fresh
        fresh, links = rewrite_call(index, node, key, self.imports)
        self.details[index] = (links, None)
        return fresh

    def _function(self, index: int, node: Any) -> None:
        rewrite = rewrite_generator if self.sites[index].get("generator") else rewrite_function
        self.details[index] = (rewrite(index, node, self._key(index, _span(node.body[0]))), None)

    def table(self) -> tuple[Any, ...]:
        """The sites as the runtime wants them: constants only, see `site.Site`."""
        rows = []
        for index, site in enumerate(self.sites):
            shape, code = self.details[index]
            options = tuple(
                (name, tuple(value) if isinstance(value, list) else value) for name, value in site["options"].items()
            )
            head = (site["kind"], site["line"], site["scope"], site["text"], bool(site.get("generator")))
            rows.append((*head, tuple(site.get("names", ())), shape, code, options))
        return tuple(rows)


def _prologue_index(body: list[_ast.stmt]) -> int:
    """Where the first statement may stand: behind the docstring and the imports from `__future__`."""
    index = 0
    if body and isinstance(body[0], _ast.Expr) and isinstance(body[0].value, _ast.Constant):
        index = 1 if isinstance(body[0].value.value, str) else 0
    while index < len(body):
        statement = body[index]
        if not isinstance(statement, _ast.ImportFrom) or statement.module != "__future__":
            break
        index += 1
    return index


def insert_prologue(tree: _ast.Module, boot: str, values: dict[str, str]) -> None:
    """Insert `exec(boot, values)` as the first statement; the constants stand for what cannot be written in a tree.

    The statement shares the line of the one behind it, so that tracers see no line that is not there.
    """
    index = _prologue_index(tree.body)
    near: _ast.stmt = tree.body[min(index, len(tree.body) - 1)] if tree.body else _ast.Pass()
    space = _ast.Dict(keys=[_constant(name) for name in values], values=[_constant(v) for v in values.values()])
    call = _ast.Call(func=_name("exec"), args=[_constant(boot), space], keywords=[])
    statement = _ast.Expr(value=call)
    where = (near.lineno, near.col_offset, near.lineno, near.col_offset) if tree.body else (1, 0, 1, 0)
    tree.body.insert(index, _place(statement, where))
