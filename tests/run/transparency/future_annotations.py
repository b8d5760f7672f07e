"""Doc."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Node:
    left: Node | None = None
    value: Undefined = 0


def f(n: Missing) -> Also.Missing:
    return n


x: Nope[int] = f(3)  # @devstash
print(x, Node.__annotations__, f.__annotations__, __annotations__, Node(value=f(4)))  # @devstash
import __future__

print(annotations is __future__.annotations, __doc__)
