import multiprocessing
import sys


def work(n):
    return heavy(n) + 1  # @devstash


def heavy(n):
    return n * n


class Result:
    def __init__(self, n):
        self.n = n


def wrap(n):
    return Result(n)


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        print(pool.map(work, range(5)))
        print([result.n for result in pool.map(wrap, range(3))])
    queue = context.Queue()
    process = context.Process(target=lambda: queue.put(work(9)))
    process.start()
    print(queue.get())
    process.join()
    print(process.exitcode, heavy(4))  # @devstash
