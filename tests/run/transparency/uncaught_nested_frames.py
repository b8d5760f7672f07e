# file: helper.py
import helper


def middle(value):
    return helper.fail(value)  # @devstash


class Runner:
    def go(self, value):
        return [middle(v) for v in value]  # @devstash


print(helper.double(2))  # @devstash
Runner().go(["a"])  # @devstash
