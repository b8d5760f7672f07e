# Syntax that is nested deeply must not be too much for us when it is not for Python.
def f(n):
    return n


x = f(((((((((((((((((((((((((((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))))))))))))))))))))))))))  # @devstash
y = 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + f(1)  # @devstash
z = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[f(2)]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]  # @devstash
print(x, y, z)
