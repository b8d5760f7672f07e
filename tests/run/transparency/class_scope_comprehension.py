def f(n):
    return n + 1


class C:
    base = 3
    items = [f(i) for i in range(base)]  # @devstash
    total = sum(items) + f(base)  # @devstash
    table = {k: f(v) for k, v in zip("ab", items)}  # @devstash

    def method(self):
        return __class__.__name__, f(self.base)  # @devstash


print(C.items, C.total, C.table, C().method(), sorted(k for k in vars(C) if not k.startswith("__")))
