x = 7
data = [3, 1, 2]
table = {"k": data}
y = x * x + 1  # @devstash
z = data[0] + data[-1]  # @devstash
s = table["k"][1:]  # @devstash
t = not x, -x, x if x else y  # @devstash
u = f"{x}-{y}"  # @devstash
v: int = x ** 2  # @devstash
w = [i * 2 for i in data]  # @devstash


def g(a):
    local = a * 2 + x  # @devstash
    return local + a  # @devstash


print(y, z, s, t, u, v, w, g(3))
bad = data["no"] + x  # @devstash
