def big(n):
    return b"x" * n, "y" * n, list(range(n // 100))


a, b, c = big(300000)  # @devstash
print(len(a), len(b), sum(c), type(a), a[:3], hash(a) == hash(b"x" * 300000))
