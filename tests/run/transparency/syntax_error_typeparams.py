# entries: 0
# python: <3.12
x = len("abc")  # @devstash
def f[T](a: T) -> T:
    return a
