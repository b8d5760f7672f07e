"""Producers and consumers with async generators, semaphores and timeouts."""

import asyncio
import contextlib


async def numbers(n):
    for i in range(n):
        yield i
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def session(name):
    events.append(f"open {name}")
    try:
        yield {"name": name}
    finally:
        events.append(f"close {name}")


async def square(x):  # @devstash
    await asyncio.sleep(0)
    return x * x


async def slow():
    await asyncio.sleep(60)


async def bounded(limit, coroutines):
    semaphore = asyncio.Semaphore(limit)

    async def one(coroutine):
        async with semaphore:
            return await coroutine

    return await asyncio.gather(*(one(c) for c in coroutines))


async def load(key):
    async with session(key) as opened:
        return opened["name"] * 2


async def main():
    squares = [await square(i) async for i in numbers(5)]
    print(squares)
    results = await bounded(2, [square(i) for i in range(3)])
    print(results)
    loaded = await load("k")  # @devstash
    print(loaded, len(events) in (0, 2))
    try:
        await asyncio.wait_for(slow(), timeout=0.01)  # @devstash
    except asyncio.TimeoutError:
        print("too slow")
    async with session("end") as opened:
        print(opened)


events = []
asyncio.run(main())
