import typing
from typing import List, Optional


def f(n: int) -> Optional[int]:
    return n


class C:
    a: int = f(1)  # @devstash
    b: "List[C]"


x: Optional[int] = f(2)  # @devstash
y: int
print(typing.get_type_hints(C), typing.get_type_hints(f), C.__annotations__, __annotations__, x)
