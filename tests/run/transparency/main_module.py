"""The docstring of the script."""
import sys

count: int = 3


def f(n):
    return n + 1


x: int = f(count)  # @devstash
main = sys.modules["__main__"]
print(__name__, __file__, __doc__, __package__, __spec__, type(__loader__).__name__)
print(main.x, main.f is f, vars(main) is globals(), __builtins__ is sys.modules["builtins"])
print(getattr(main, "__annotations__", None), getattr(main, "__cached__", "absent"))
print(sorted(globals()))
print(dir())
print(f.__module__, f.__qualname__, f.__code__.co_filename, f.__code__.co_firstlineno, f.__code__.co_name)
