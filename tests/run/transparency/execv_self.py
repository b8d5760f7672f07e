import os
import sys


def f(n):
    return n + 1


x = f(len(sys.argv))  # @devstash
print(x, sys.argv, flush=True)
if len(sys.argv) < 3:
    os.execv(sys.executable, [sys.executable] + sys.argv + ["more"])
