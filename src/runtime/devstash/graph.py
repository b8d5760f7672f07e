"""Cyclic, very deep and much shared values into the same kind of digest, without recursion.

The value is seen as a graph of containers. A part without cycles has a digest made of the digests of its
children, computed once however often it is shared, so that sharing does not count. The containers of one
cycle (a strongly connected component) are digested together: numbered from the one that comes first in an
order that does not depend on where the component was entered, each then being the digest of the whole and
its number. Sets within a cycle are ordered by colour refinement; elements that this cannot tell apart could
be taken in either order, which costs at worst a miss.

It is also what finds the path to something that cannot be encoded.
"""

from __future__ import annotations

from _blake2 import blake2b
from _pickle import dumps

from .encode import DIGEST, Encoder, Unkeyable, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ATOMS = (str, int, float, bool, type(None), bytes)
_LONG = (str, bytes)
_CONTAINERS: dict[type, bytes] = {
    list: b"list",
    tuple: b"tuple",
    dict: b"dict",
    set: b"set",
    frozenset: b"frozenset",
}
# Colours are refined until they tell no more apart, at most this often.
_ROUNDS = 24


class _Node:
    """One container: what it is, and its children, which are nodes or finished tokens."""

    __slots__ = (
        "children",
        "colour",
        "digest",
        "index",
        "owner",
        "kind",
        "low",
        "next",
        "number",
        "path",
        "unordered",
        "value",
    )

    def __init__(self, value: object, path: tuple[Any, str], owner: object = None) -> None:
        self.value = value  # kept, so that its id stays its own
        self.path = path
        self.owner = owner  # the nearest object that has it, through plain containers
        self.children: list[Any] = []
        self.kind = b""
        self.unordered = False
        self.index = -1
        self.low = -1
        self.next = 0
        self.digest = b""  # empty as long as the node is open
        self.colour = b""
        self.number = -1


def digest(encoder: Encoder, value: object, path: str) -> str:
    """The digest of `value` in hex."""
    if type(value) in _ATOMS:
        return blake2b(dumps(value, 5), digest_size=DIGEST).hexdigest()
    nodes: dict[int, Any] = {}
    root = _Node(value, (None, path))
    nodes[id(value)] = root
    _number(encoder, root, nodes)
    return _hash(b"graph", [root.digest]).hex()


def _hash(kind: bytes, parts: list[bytes]) -> bytes:
    hasher = blake2b(digest_size=DIGEST)
    for part in (kind, *parts):
        hasher.update(b"%d:" % len(part))
        hasher.update(part)
    return hasher.digest()


def _atom(value: object) -> bytes:
    token: bytes = dumps(value, 5)
    return b"a" + (token if len(token) <= 64 else blake2b(token, digest_size=DIGEST).digest())


def _number(encoder: Encoder, root: _Node, nodes: dict[int, Any]) -> None:
    """Tarjan's walk with a stack of its own: components are finished children first."""
    count = 0
    work = [root]
    component: list[_Node] = []
    while work:
        node = work[-1]
        if node.index < 0:
            node.index = node.low = count
            count += 1
            component.append(node)
            _expand(encoder, node, nodes)
        descended = False
        children = node.children
        while node.next < len(children):
            child = children[node.next]
            node.next += 1
            if type(child) is not _Node:
                continue
            if child.index < 0:
                work.append(child)
                descended = True
                break
            if not child.digest:  # still open: it is on the way to here
                node.low = min(node.low, child.index)
        if descended:
            continue
        work.pop()
        if work:
            work[-1].low = min(work[-1].low, node.low)
        if node.low == node.index:
            place = component.index(node) if component[-1] is not node else len(component) - 1
            members = component[place:]
            del component[place:]
            if len(members) == 1 and not any(child is node for child in children):
                node.digest = _hash(node.kind, _tokens(node))
            else:
                _close(members)


def _tokens(node: _Node) -> list[bytes]:
    tokens = [b"d" + child.digest if type(child) is _Node else child for child in node.children]
    return sorted(tokens) if node.unordered else tokens


def _expand(encoder: Encoder, node: _Node, nodes: dict[int, Any]) -> None:
    """Finds the children of a node."""
    value: Any = node.value
    kind = type(value)
    name = _CONTAINERS.get(kind)
    if name is not None:
        node.kind = name
        if kind is dict:
            for key, item in value.items():
                node.children.append(_child(key, node, ".key", nodes))
                node.children.append(_child(item, node, f"[{_shown(key)}]", nodes))
        else:
            node.unordered = kind is set or kind is frozenset
            if kind is tuple and node.path[1] == "" and _is_attributes(node):
                # The state of an object as pairs of name and value: paths go through the names.
                node.kind = b"attributes"
                for attribute, item in value:
                    node.children.append(_atom(attribute))
                    node.children.append(_child(item, node, f".{attribute}", nodes))
                return
            for place, item in enumerate(value):
                node.children.append(_child(item, node, f"[{place}]", nodes))
        return
    if kind is bytearray:
        node.kind = b"bytearray"
        node.children = [_atom(bytes(value))]
        return
    encoder.active = {} if node.owner is None else {id(node.owner): node.owner}
    try:
        described, state = encoder.described(value)
    except Unkeyable as error:
        raise Unkeyable(_path(node) + error.path, error.what, error.why) from error.__cause__
    except RecursionError:
        raise Unkeyable(_path(node), type_name(kind), "describing it does not end") from None
    node.kind = described.encode("utf-8", "backslashreplace")
    owner, node.owner = node.owner, value
    node.children = [_child(state, node, "", nodes)]
    node.owner = owner


def _child(value: Any, parent: _Node, label: str, nodes: dict[int, Any]) -> Any:
    if type(value) in _ATOMS:
        if type(value) not in _LONG or len(value) < 1000:
            return _atom(value)
        known = nodes.get(id(value))  # a long text may be there a million times
        if known is None:
            known = nodes[id(value)] = (_atom(value), value)
        return known[0]
    known = nodes.get(id(value))
    if known is None:
        known = nodes[id(value)] = _Node(value, (parent, label), parent.owner)
    return known


def _is_attributes(node: _Node) -> bool:
    parent = node.path[0]
    if type(parent) is not _Node or not parent.kind.startswith(b"object "):
        return False
    return all(type(item) is tuple and len(item) == 2 and type(item[0]) is str for item in node.value)  # type: ignore[attr-defined]


def _shown(key: object) -> str:
    text = repr(key) if type(key) in _ATOMS else f"<{type(key).__name__}>"
    return text if len(text) <= 40 else text[:39] + "…"


def _path(node: _Node) -> str:
    labels = []
    at: Any = node
    while type(at) is _Node:
        labels.append(at.path[1])
        at = at.path[0]
    return "".join(reversed(labels))


def _close(members: list[_Node]) -> None:
    """The digests of the containers of one cycle."""
    inside = {id(node) for node in members}
    for node in members:
        node.colour = _hash(b"colour" + node.kind, _coloured(node, inside, False))
    distinct = len({node.colour for node in members})
    for _ in range(_ROUNDS):
        if distinct == len(members):
            break
        refined = [_hash(node.colour, _coloured(node, inside, True)) for node in members]
        for node, colour in zip(members, refined):
            node.colour = colour
        now = len(set(refined))
        if now == distinct:
            break
        distinct = now

    first = min(members, key=lambda node: node.colour)  # of equal ones the first visited
    order = [first]
    first.number = 0
    parts: list[bytes] = []
    for node in order:  # it grows while it is gone through
        parts.append(node.kind)
        children = node.children
        if node.unordered:
            children = sorted(children, key=lambda child: _rank(child, inside))
        parts.append(b"%d" % len(children))
        for child in children:
            if type(child) is _Node and id(child) in inside:
                if child.number < 0:
                    child.number = len(order)
                    order.append(child)
                parts.append(b"#%d" % child.number)
            else:
                parts.append(b"d" + child.digest if type(child) is _Node else child)
    whole = _hash(b"cycle", parts)
    for node in members:
        node.digest = _hash(b"member", [whole, b"%d" % node.number])


def _coloured(node: _Node, inside: set[int], refined: bool) -> list[bytes]:
    tokens = []
    for child in node.children:
        if type(child) is not _Node:
            tokens.append(child)
        elif id(child) in inside:
            tokens.append(b"c" + child.colour if refined else b"c")
        else:
            tokens.append(b"d" + child.digest)
    return sorted(tokens) if node.unordered else tokens


def _rank(child: Any, inside: set[int]) -> bytes:
    if type(child) is not _Node:
        return bytes(child)
    if id(child) in inside:
        return b"c" + child.colour
    digest: bytes = child.digest
    return b"d" + digest
