# entries: 0
class Query:
    def __init__(self, n):
        self.n = n

    def add(self, m):
        return Query(self.n + m)

    def divide(self, m):
        return Query(self.n // m)


result = (
    Query(1)  # @devstash
    .add(2)
    .divide(0)
    .add(3)
    .n
)
