# entries: 0
import traceback


def low(n):
    raise KeyError(n)


def high(n):
    try:
        low(n)
    except KeyError as error:
        raise ValueError("high") from error


def during(n):
    try:
        low(n)
    except KeyError:
        return undefined_name


def hidden(n):
    try:
        low(n)
    except KeyError:
        raise RuntimeError("hidden") from None


for function in (high, during, hidden):
    try:
        function(1)  # @devstash
    except Exception as error:
        traceback.print_exc()
        print(repr(error.__cause__), repr(error.__context__), error.__suppress_context__)
try:
    raise OSError("outer")
except OSError:
    high(2)  # @devstash
