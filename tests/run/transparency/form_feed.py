def f(a):
    return a


class C:
    x = f(1)  # @devstash

    def g(self):
        return f(2)  # @devstash

print(C.x, C().g())# @devstash
y = f(3)  # @devstash
f(a=1, b=2)  # @devstash