# What the program does to a result does not change what the next call gives.
def rows(n):
    return [[i] for i in range(n)]


a = rows(3)  # @devstash
a.append("changed")
a[0].append("changed")
b = rows(3)  # @devstash
c = [rows(2) for _ in range(2)]  # @devstash
c[0].clear()
print(a, b, c, a is b)
