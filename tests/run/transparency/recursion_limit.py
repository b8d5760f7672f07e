# How deep a program may go, and the text of the error when it goes deeper.
# entries: 1
import sys


def depth(n):
    try:
        return depth(n + 1)
    except RecursionError:
        return n


def forever(n):
    return forever(n + 1)


x = len("abc")  # @devstash
print(depth(1), x)
forever(0)
