# A coroutine that is not awaited at the marked line: nothing is stored, and it still works.
# entries: 1
import asyncio


async def fetch(n):
    return n


def plain(n):
    return n


async def main():
    task = asyncio.ensure_future(fetch(plain(2)))  # @devstash off
    print(await task)
    print(plain(3))  # @devstash


asyncio.run(main())
