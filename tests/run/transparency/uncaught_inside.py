# entries: 1
def inner(n):
    return 1 / n


def f(n):
    return inner(n) + 1


x = f(1)  # @devstash
y = f(0)  # @devstash
