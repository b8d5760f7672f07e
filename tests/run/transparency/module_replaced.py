# The script puts something else in place of its own module.
import sys
import types


def f(n):
    return n


old = sys.modules["__main__"]
sys.modules["__main__"] = types.ModuleType("other")
sys.modules["__main__"].f = f
x = f(1)  # @devstash refresh
sys.modules["__main__"] = old
print(x, f(2))  # @devstash
