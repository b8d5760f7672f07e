"""Every form of statement that a marker attaches to, in one script."""
from contextlib import contextmanager


def f(*args, **kwargs):
    return (args, tuple(sorted(kwargs.items())))


def numbers(n):
    return list(range(n))


class Box:
    def __init__(self, value=0):
        self.value = value
        self.items = {}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


x = f(1)  # @devstash
f(2)  # @devstash
a: tuple = f(3)  # @devstash
total = 1
total += len(numbers(4))  # @devstash
p, q = f(5, k=6)  # @devstash
first = second = f(7)  # @devstash
box = Box()
box.value = f(8)  # @devstash
box.items["k"] = f(9)  # @devstash
# @devstash
above = f(10)


def returning(n):
    return f(n)  # @devstash


def yielding(n):
    yield f(n)  # @devstash
    got = yield f(n + 1)  # @devstash
    yield got


for i in numbers(3):  # @devstash
    print("for", i)
while len(numbers(total)) < 8:  # @devstash
    total += 1
if f(11):  # @devstash
    print("if")
elif f(12):
    print("never")
with Box(13) as opened:  # @devstash
    print("with", opened.value)
with Box(14) as one, Box(15) as two:  # @devstash
    print("with", one.value, two.value)
assert f(16), "message"  # @devstash
try:
    raise ValueError(f(17))  # @devstash
except ValueError as error:
    print("raised", error)
print(f(18))  # @devstash
print("a", f(19), sep="|")  # @devstash
squares = [len(numbers(i)) for i in range(4)]  # @devstash
table = {i: len(numbers(i)) for i in range(3)}  # @devstash
unique = {len(numbers(i)) for i in range(3)}  # @devstash
lazy = (len(numbers(i)) for i in range(3))  # @devstash
chained = ",".join([str(n) for n in numbers(4)]).replace(",", ";").upper()  # @devstash
m = total * 2 + 1  # @devstash
walrus = (w := len(numbers(3))) + w  # @devstash
chosen = f(20) if total else f(21)  # @devstash
pair = f(22), f(23)  # @devstash
both = f(24) and f(25)  # @devstash
starred = [*numbers(2), *numbers(3)]  # @devstash
merged = dict(**{"a": 1}, b=f(26))  # @devstash
nested = len(str(numbers(27)))  # @devstash
del box.items["k"]
fn = lambda n: f(n)  # @devstash


@contextmanager
def managed(n):
    yield n


def with_marked(n):  # @devstash
    return f(n)


print(x, a, total, p, q, first, second, box.value, above)
print(returning(30), list(yielding(31)), squares, table, unique, list(lazy), chained, m, walrus, w)
print(chosen, pair, both, starred, merged, nested, fn(40), with_marked(41), with_marked(n=41))
