# options: --no-cache
# entries: 0
"""What stands for a call is found by the collector late, while the same frame is at its next call."""

import gc

late = []


class Step:
    def then(self, x):
        return x + 1


def first(x):
    late.clear()
    late.extend(one for one in gc.get_objects() if type(one).__name__ == "Call")
    return Step()


for x in range(3):
    print(first(x).then(x))  # @devstash
