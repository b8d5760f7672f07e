# Even the one name that the rewritten code speaks to may be the script's own.
__devstash__ = "mine"


def f(n):
    __devstash__ = n
    return __devstash__


def g(__devstash__):
    return f(__devstash__ + 1)  # @devstash


x = f(1)  # @devstash
print(x, g(2), __devstash__)
