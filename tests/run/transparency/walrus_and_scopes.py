def f(n):
    return n + 1


if (n := f(1)) > 1:  # @devstash
    print(n)
values = [y := f(1), y**2]  # @devstash
print(values, y)
print([last := f(i) for i in range(3)], last)  # @devstash


def scope():
    if any([(found := f(i)) > 2 for i in range(5)]):  # @devstash
        return found


def argument():
    x = f(k := 3)  # @devstash
    return x, k


print(scope(), argument())
