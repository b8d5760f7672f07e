# entries: 0
def f(a, b):
    return a


def g(n):
    return n[5]


value = f(  # @devstash
    1 + 2,
    g([1, 2]),
)
