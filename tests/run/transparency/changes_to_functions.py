# options: -q
# entries: 0
"""What a call does to functions and to installed modules cannot be brought about, so such calls run each time."""

import builtins, functools, math, string
def helper(x, y=1, *, z=0): return x + y + z
def f(x):
    helper.__defaults__ = (3,)
    return x
def f2(x):
    helper.__kwdefaults__ = {"z": 5}
    return x
def f3(x):
    helper.__kwdefaults__["z"] = 7
    return x
def f4(x):
    helper.__code__ = (lambda x, y=1, *, z=0: -x).__code__
    return x
def f5(x):
    helper.__name__ = "other"
    return x
def h(): return 2
def g():
    global h
    def h(): return 77
    return h()
@functools.lru_cache
def cached(): return 2
def again():
    global cached
    @functools.lru_cache
    def cached(): return 77
    return cached()
class K:
    def m(self): return 1
def k():
    def m(self): return 5
    m.__qualname__ = "K.m"
    K.m = m
    return 3
def b(x):
    math.foo = x
    builtins.MYB = 3
    string.digits = "x"
    return x
def fresh():
    global made
    def made(): return 11
    return made
def klass():
    global Made
    class Made: pass
    return Made()
print(f(1))  # @devstash
print(helper(1))
print(f2(1))  # @devstash
print(helper(1))
print(f3(1))  # @devstash
print(helper(1))
print(f5(1))  # @devstash
print(helper.__name__)
print(f4(1))  # @devstash
print(helper(1))
print(g())  # @devstash
print(h())
print(again())  # @devstash
print(cached())
print(k())  # @devstash
print(K().m())
print(b(1))  # @devstash
print(getattr(math, "foo", None), getattr(builtins, "MYB", None), string.digits)
r = fresh()  # @devstash
print(r(), made(), r is made)
r = klass()  # @devstash
print(type(r) is Made)
