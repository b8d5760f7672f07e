"""Work spread over threads, with locks, queues and results in order."""

import concurrent.futures
import queue
import threading


def prime(n):
    return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))


def count_primes(start, end):
    return sum(prime(n) for n in range(start, end))


class Counter:
    def __init__(self):
        self.lock = threading.Lock()
        self.total = 0

    def add(self, n):
        with self.lock:
            self.total += n


def job(bounds):
    found = count_primes(*bounds)  # @devstash
    counter.add(found)
    return found


counter = Counter()
parts = [(start, start + 100) for start in range(0, 500, 100)]
with concurrent.futures.ThreadPoolExecutor(3) as pool:
    found = list(pool.map(job, parts))
print(found, counter.total)

results = queue.Queue()


def worker(name, start):
    value = count_primes(start, start + 50)  # @devstash
    results.put((name, value))


threads = [threading.Thread(target=worker, args=(f"t{i}", i * 50)) for i in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(results.get() for _ in threads))
print(counter.total == sum(found))  # @devstash
