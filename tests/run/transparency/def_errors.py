# entries: 0
import traceback


def helper(n):
    return {}[n]


def marked(n):  # @devstash
    value = helper(n)
    return value


class C:
    def method(self, n):  # @devstash
        return helper(n)


async def coroutine(n):  # @devstash
    return helper(n)


for action in (lambda: marked(1), lambda: C().method(2), lambda: coroutine(3).send(None)):
    try:
        action()
    except KeyError:
        traceback.print_exc()
marked(
    4
)
