# stdin: w\np n\nup\np value\nl\nq\n
# entries: 0
import pdb
import sys


def f(n):
    return 1 // n


def go():
    value = "seen"
    return f(0)  # @devstash


try:
    go()
except ZeroDivisionError:
    pdb.post_mortem(sys.exc_info()[2])
print("after")
