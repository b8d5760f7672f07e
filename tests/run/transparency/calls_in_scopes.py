"""Marked lines in functions, methods, class bodies, loops, nested functions and properties."""


def f(n):
    return n * 10


class Base:
    def greet(self, name):
        return "base " + name


class Thing(Base):
    table = f(1)  # @devstash
    __hidden = f(2)  # @devstash

    def __init__(self, n):
        self.n = n
        self.__secret = f(n)  # @devstash

    def secret(self):
        return self.__secret, self.__hidden

    def greet(self, name):
        return super().greet(name) + "!"  # @devstash

    @property
    def tenfold(self):
        return f(self.n)  # @devstash

    @staticmethod
    def fixed(n):  # @devstash
        return f(n)

    @classmethod
    def made(cls, n):
        return cls(f(n))  # @devstash

    def method(self, extra):  # @devstash
        return self.n + extra


def outer(n):
    counter = n

    def inner(k):
        nonlocal counter
        counter += f(k)  # @devstash
        return counter

    return inner(1), inner(1), counter


def with_global():
    global shared
    shared = f(7)  # @devstash


with_global()
thing = Thing(3)
print(Thing.table, thing.secret(), thing.greet("you"), thing.tenfold, Thing.fixed(4), Thing.made(5).n)
print(thing.method(1), thing.method(extra=1), outer(2), shared)
print(sorted(name for name in vars(Thing) if not name.startswith("__")))
for i in range(3):
    for j in range(2):
        print(f(i + j), end=" ")  # @devstash
print()
