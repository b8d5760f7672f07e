# entries: 0
# A mistake that only the compiler finds, after parsing.
x = len("abc")  # @devstash


def f():
    x = 1
    global x
    return x
