# Line tables, names and constants of the script's own code.
import dis
import sys


def untouched(a, b):
    c = a + b
    return [c for _ in range(2)]


def around(a):
    x = untouched(a, 1)  # @devstash
    return x


print(untouched.__code__.co_code == compile("def untouched(a, b):\n    c = a + b\n    return [c for _ in range(2)]\n", "x", "exec").co_consts[0].co_code)
print([line for _, line in dis.findlinestarts(untouched.__code__)], around.__code__.co_varnames, around(1), around.__code__.co_flags)
print(sys._getframe().f_code.co_name, sys._getframe().f_code.co_filename == around.__code__.co_filename, sys._getframe().f_back)
