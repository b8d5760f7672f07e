import doctest


def f(n):
    """
    >>> f(1)
    2
    >>> f(2)
    4
    """
    return n + 1


x = f(1)  # @devstash
print(doctest.testmod())
