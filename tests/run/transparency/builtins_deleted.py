# A script may shadow or break the builtins; marked lines go on working.
import builtins
import sys


def f(n):
    return n


real = builtins.len
builtins.len = lambda *a: 42
x = f(1)  # @devstash
builtins.len = real
del sys.modules["os"]
y = f(2)  # @devstash
sys.path.clear()
z = f(3)  # @devstash
sys.stdout.write("%s %s %s\n" % (x, y, z))
