import atexit
import sys


def f(n):
    return n + 1


last = lambda: print("last", f(10))  # @devstash
atexit.register(last)
atexit.register(print, "first")
x = f(1)  # @devstash


class Late:
    def __del__(self):
        print("deleted")


late = Late()
print(x)
sys.exit(0)
