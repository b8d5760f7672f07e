# stdin: n\nn\np x\nwhere\nunt\nn\np y\nlocals()["x"]\nq\n
def f(n):
    return n * 2


breakpoint()
x = f(1)  # @devstash
y = [f(i) for i in range(3)]  # @devstash
z = f(  # @devstash
    2,
)
print(x, y, z)
