import sys


def f(n):
    return n, sys.exc_info()[0]


try:
    1 / 0
except ZeroDivisionError:
    print(f(1))  # @devstash refresh
    print(sys.exc_info()[0])
    try:
        raise KeyError("again")  # @devstash off
    except KeyError as error:
        x = len("abc")  # @devstash
        print(repr(error.__context__), x)
print(sys.exc_info())
