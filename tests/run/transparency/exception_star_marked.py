# python: >=3.11
def f(n):
    return n + 1


try:
    raise ExceptionGroup("g", [ValueError(1), TypeError(2)])
except* ValueError as group:
    print(f(1), group.exceptions)  # @devstash
except* TypeError as group:
    x = f(2)  # @devstash
    print(x, group.exceptions)
finally:
    print(f(3))  # @devstash
