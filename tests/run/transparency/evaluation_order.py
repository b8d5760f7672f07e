# Arguments, receivers and subscripts are evaluated once, in Python's order, on every run.
order = []


def note(value):
    order.append(value)
    return value


class Box:
    def __init__(self):
        self.seen = 0

    @property
    def tool(self):
        note("property")
        return len


def f(*args, **kwargs):
    return args, sorted(kwargs)


def pick(name):
    note(name)
    return f


box = Box()
a = f(note(1), note(2), *[note(3)], k=note(4), **{"z": note(5)})  # @devstash
b = box.tool(note("abc"))  # @devstash
c = pick("callee")(note("argument"))  # @devstash off
target = {}
target[note("index")] = f(note("value"))  # @devstash
d = f(note(1)) < f(note(2)) < f(note(3))  # @devstash
e = f(note(1)) or f(note(9))  # @devstash
g = f(note(6)) if len(order) < 5 else f(note(7))  # @devstash
print(a, b, c, target, d, e, g, order)
