import importlib
import sys


def f(n):
    return n


x = f(1)  # @devstash
import __main__

print(__main__.x, __main__ is sys.modules["__main__"], __main__.__dict__ is globals(), importlib.import_module("__main__") is __main__)
print(__main__.__spec__, sys.modules["__main__"].__name__)
