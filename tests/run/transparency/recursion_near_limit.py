# A marked call made with little stack left.
import sys


def leaf(n):
    return n + 1


def descend(n, bottom):
    if n == 0:
        return leaf(bottom)  # @devstash
    return descend(n - 1, bottom)


for left in (200, 100, 60, 40, 25):
    print(left, descend(sys.getrecursionlimit() - left, left))
