def f(n):
    return n + 1


a = f(1)  # @devstash
b = f(2)  #@devstash
c = f(3)  #   @devstash   ttl=1d
d = f(4)  # noqa: E501  # @devstash ttl=2h version="a b"  # type: ignore
# @devstash name=label
# a comment in between
e = f(5)
g = f(  # the call
    6,
    # @devstash
)
h = f(
    7
)  # @devstash
i = f(8)  # @devstash off
j = f(9)  # @devstash ignore=n
k = f(10)  # @devstash key=(a, b) env=HOME,PATH
print(a, b, c, d, e, g, h, i, j, k)
