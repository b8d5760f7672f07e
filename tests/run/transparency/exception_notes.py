# python: >=3.11
# entries: 0
def f(n):
    error = ValueError("noted")
    error.add_note("a note")
    raise error


try:
    f(1)  # @devstash
except ValueError as error:
    error.add_note("another")
    raise
