# A spawned child imports the script by its path, as it is written.
import multiprocessing


def work(n):
    return n * n


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    x = work(2)  # @devstash
    with context.Pool(1) as pool:
        print(pool.map(work, range(x)))
