def f(n):
    return 10 // n


def stream(n):
    while True:
        yield f(n)  # @devstash
        n -= 1


for value in stream(2):
    print(value)
