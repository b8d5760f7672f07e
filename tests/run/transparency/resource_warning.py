# flags: -X dev
import sys


def f(n):
    return n + 1


handle = open(__file__)
x = f(1)  # @devstash
handle = None
print(x, sys.flags.dev_mode)
