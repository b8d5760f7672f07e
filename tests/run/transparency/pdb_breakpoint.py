# stdin: b 11\nc\nw\np n\nn\np x\nb 19\nc\np y\nl\nargs\nc\n
import pdb


def f(n):
    return n * 2


def go(n):
    before = n + 1
    x = f(n)  # @devstash
    after = x + before
    return after


pdb.set_trace()
y = f(3)  # @devstash
z = go(4)
w = f(5)  # @devstash
print(y, z, w)
