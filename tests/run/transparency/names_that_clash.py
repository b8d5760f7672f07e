# Names that a careless rewriter would take for its own.
_devstash = "mine too"
devstash = "also mine"
site = "s"
hit = value = call = args = kwargs = key = "k"


def f(n):
    return n


class __devstash_site__:
    pass


x = f(1)  # @devstash
print(_devstash, devstash, site, hit, value, call, args, kwargs, key, x, __devstash_site__.__name__)
print = f
y = print(f(2))  # @devstash
len = list = dict = tuple = type = isinstance = None
z = f(3)  # @devstash
__builtins__.print(x, y, z)
