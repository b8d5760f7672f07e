# What is defined around marked lines and inside of marked functions.
def f(n):
    return n


def show(namespace):
    return sorted(name for name in namespace)


print(show(globals()), show(locals()), show(vars()), show(dir()))
x = f(1)  # @devstash
print(show(globals()), show(dir()))


def around(a):
    b = f(a)  # @devstash
    c = [f(i) for i in range(2)]  # @devstash
    return show(locals()), dir(), b, c


def marked(a):  # @devstash
    b = a
    return show(locals()), show(vars()), dir()


class Body:
    y = f(2)  # @devstash
    names = sorted(locals())
    listed = dir()


async def coroutine(a):
    b = f(a)  # @devstash
    return dir()


print(around(1), marked(2), Body.names, Body.listed)
try:
    coroutine(1).send(None)
except StopIteration as stop:
    print(stop.value)
print(around.__code__.co_varnames, around.__code__.co_cellvars, around.__code__.co_freevars, around.__code__.co_argcount)
print(show(globals()), len([name for name in show(__builtins__.__dict__) if name != "@devstash"]))
