"""Recursion of several kinds, with and without caches of its own."""

import functools
import sys


def plain(n):  # @devstash
    return n if n < 2 else plain(n - 1) + plain(n - 2)


@functools.lru_cache(maxsize=None)
def cached(n):
    return n if n < 2 else cached(n - 1) + cached(n - 2)


def hanoi(n, start="a", end="c", spare="b"):
    if n == 0:
        return []
    return hanoi(n - 1, start, spare, end) + [(start, end)] + hanoi(n - 1, spare, end, start)


def permutations(items):
    if not items:
        yield []
    for i, item in enumerate(items):
        for rest in permutations(items[:i] + items[i + 1 :]):
            yield [item, *rest]


def ackermann(m, n):  # @devstash
    if m == 0:
        return n + 1
    return ackermann(m - 1, 1 if n == 0 else ackermann(m, n - 1))


print(plain(15), cached(80))  # @devstash
moves = hanoi(4)  # @devstash
print(len(moves), moves[:2])
print(sum(1 for _ in permutations([1, 2, 3, 4])))
first = next(permutations("abc"))  # @devstash
print(first)
print(ackermann(2, 3))
try:
    endless = lambda n: endless(n + 1)
    endless(0)  # @devstash
except RecursionError as trouble:
    print(type(trouble).__name__)
print(sys.getrecursionlimit() > 100)
