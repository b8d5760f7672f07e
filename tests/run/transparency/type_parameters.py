# python: >=3.12
from dataclasses import dataclass


def f[T](value: T) -> T:
    return value


class Stack[T]:
    kind = f("stack")  # @devstash

    def push[U](self, item: U) -> list[U]:  # @devstash
        return [item]


type Pair[T] = tuple[T, T]
type Lazy = f("never evaluated here")


@dataclass
class Box[T]:
    value: T


x: int = f(3)  # @devstash
print(x, Stack.kind, Stack().push(1), f.__type_params__, Pair.__value__, Box(f(4)))  # @devstash


def marked[T: (int, str)](value: T) -> T:  # @devstash
    return value


print(marked(1), marked("a"), marked.__type_params__, Stack.__type_params__)
