'''A docstring with a marker in it:

    x = f()  # @devstash
'''
x = len(__doc__)  # @devstash


def f(n):
    "# @devstash"
    return n


print(x, __doc__, f.__doc__, f(1))  # @devstash
print("# @devstash nonsense=1")
