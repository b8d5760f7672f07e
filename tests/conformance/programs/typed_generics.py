# python: >=3.12
"""Type parameters, type aliases, overrides, nested f-strings, exception groups."""

from collections.abc import Callable, Iterable
from typing import override

type Pairs[K, V] = list[tuple[K, V]]


class Stack[T]:
    def __init__(self, items: Iterable[T] = ()) -> None:
        self.items = list(items)

    def push(self, item: T) -> "Stack[T]":
        return Stack([*self.items, item])

    def map[U](self, function: Callable[[T], U]) -> "Stack[U]":
        return Stack(function(item) for item in self.items)


class Loud(Stack[str]):
    @override
    def push(self, item: str) -> "Stack[str]":
        return super().push(item.upper())


def group[K, V](pairs: Pairs[K, V]) -> dict[K, list[V]]:
    found: dict[K, list[V]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def check(values: list[int]) -> int:
    problems = [ValueError(f"{value} is odd") for value in values if value % 2]
    if problems:
        raise ExceptionGroup("bad values", problems)
    return len(values)


stack = Loud(["a"]).push("b")  # @devstash
print(stack.items, type(stack).__name__)
lengths = stack.map(len)  # @devstash
print(lengths.items)
grouped = group([("x", 1), ("y", 2), ("x", 3)])  # @devstash
print(f"{", ".join(f"{key}={sum(values)}" for key, values in grouped.items())}")  # @devstash
try:
    check([1, 2, 3])  # @devstash
except* ValueError as caught:
    print([str(trouble) for trouble in caught.exceptions])
print(check([2, 4]))  # @devstash
