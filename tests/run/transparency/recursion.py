import sys


def fib(n):  # @devstash
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


def count(n):
    if n == 0:
        return 0
    return 1 + count(n - 1)  # @devstash


print(fib(12), depth(900), count(50), sys.getrecursionlimit())
