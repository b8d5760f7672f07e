import functools


def shout(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args).upper()

    return wrapper


def repeat(n):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args) * n

        return wrapper

    return decorate


@shout
@repeat(2)
def hello(name):  # @devstash
    """Greets."""
    return "hello " + name


@functools.lru_cache(maxsize=None)
def cached(n):
    return n + 1


@repeat(3)
def other(name):
    return name


print(hello("a"), hello.__name__, hello.__doc__, hello.__wrapped__.__wrapped__.__code__.co_firstlineno)
x = other("b")  # @devstash
y = cached(1)  # @devstash
print(x, y, type(cached).__name__)
