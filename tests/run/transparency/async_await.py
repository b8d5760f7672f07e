import asyncio
import traceback


async def fetch(n):
    await asyncio.sleep(0)
    if n < 0:
        raise ValueError(n)
    return n * 2


class Context:
    def __init__(self, n):
        self.n = n

    async def __aenter__(self):
        return self.n

    async def __aexit__(self, *exc):
        return False


class Counter:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        self.i = 0
        return self

    async def __anext__(self):
        self.i += 1
        if self.i > self.n:
            raise StopAsyncIteration
        return self.i


async def marked(n):  # @devstash
    await asyncio.sleep(0)
    return n + 1


def plain(n):
    return n + 2


async def main():
    x = await fetch(1)  # @devstash
    y = (await fetch(2)) + plain(3)  # @devstash
    async with Context(plain(4)) as value:  # @devstash off
        print(value)
    async for i in Counter(plain(0)):  # @devstash off
        print(i, await fetch(i))  # @devstash
    values = [await fetch(i) for i in range(3)]  # @devstash
    print(x, y, values, await marked(5), await marked(n=5))
    print(await asyncio.gather(*(marked(i) for i in range(3))))
    return await fetch(10)  # @devstash


print(asyncio.run(main()))
print(asyncio.iscoroutinefunction(marked), asyncio.iscoroutinefunction(fetch))
try:
    asyncio.run(fetch(-1))
except ValueError:
    traceback.print_exc()


async def failing():
    return await fetch(-2)  # @devstash


asyncio.run(failing())
