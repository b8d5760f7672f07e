def f(n):
    return n * 3


double = lambda n: f(n)  # @devstash
table = {"a": lambda: f(1), "b": lambda n=f(2): f(n)}  # @devstash
print(double(2), table["a"](), table["b"](), sorted([3, 1, 2], key=lambda n: -f(n)))  # @devstash
print((lambda n: (lambda m: f(m))(n))(5))  # @devstash
double.__call__("a", "b")
