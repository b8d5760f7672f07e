"""Estimates pi and a random walk's spread with generators seeded by hand."""

import math
import random
import statistics


def points(source, n):
    for _ in range(n):
        yield source.random(), source.random()


def estimate(seed, n=2000):
    source = random.Random(seed)
    inside = sum(math.hypot(x, y) <= 1 for x, y in points(source, n))
    return 4 * inside / n


class Walk:
    def __init__(self, seed, steps):
        self.seed = seed
        self.steps = steps

    def run(self):
        source = random.Random(self.seed)
        position = 0
        path = [position]
        for _ in range(self.steps):
            position += source.choice((-1, 1))
            path.append(position)
        return path


estimates = [estimate(seed) for seed in range(5)]  # @devstash
print([round(value, 3) for value in estimates])
print(round(statistics.mean(estimates), 4), round(statistics.stdev(estimates), 4))  # @devstash
ends = []
for seed in range(4):
    walk = Walk(seed, 100)
    path = walk.run()  # @devstash
    ends.append(path[-1])
    print(seed, min(path), max(path))
variance = statistics.pvariance(ends)  # @devstash
print(variance)
