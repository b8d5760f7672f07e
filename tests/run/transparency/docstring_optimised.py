# flags: -OO
"""Gone with -OO."""


def f(n):
    """Gone too."""
    assert n == 0, "not checked"
    return n


x = f(3)  # @devstash
print(x, __doc__, f.__doc__, __debug__)
assert x == 0
