# entries: 0
class Query:
    def items(self):
        return [1, 2]


first = Query().items()[7]  # @devstash
