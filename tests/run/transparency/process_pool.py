from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import multiprocessing


def work(n):
    return sum(range(n))


if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        print(list(pool.map(work, [10, 20])))
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(work, n) for n in range(5)]
        print([future.result() for future in futures])
    print(work(100))  # @devstash
