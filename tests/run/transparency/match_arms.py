# python: >=3.10
def f(n):
    return n * 2


def which(value):
    match f(value):  # @devstash
        case 2:
            return f(10)  # @devstash
        case int(n) if f(n) > 10:  # @devstash
            x = f(n)  # @devstash
            return x
        case [first, *rest]:
            return [f(item) for item in rest]  # @devstash
        case {"key": value, **others}:
            return value
        case str() as text:
            return f(text)  # @devstash
        case _:
            return f(0)  # @devstash


print(which(1), which(3), which([1, 2]), which("a"), which(2), which((0,)))
match = f(5)  # @devstash
case = f(match)  # @devstash
print(match, case)
which(None)
