# packages: numpy
"""Linear algebra: a least-squares fit, eigenvalues, images as arrays."""

import numpy as np


def make_data(seed, n):
    source = np.random.default_rng(seed)
    x = source.uniform(-1, 1, size=(n, 3))
    y = x @ np.array([1.5, -2.0, 0.5]) + source.normal(0, 0.01, n)
    return x, y


def fit(x, y):
    solution, residual, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    return solution, rank


def blur(image):
    padded = np.pad(image, 1, mode="edge")
    return sum(padded[i : i + image.shape[0], j : j + image.shape[1]] for i in range(3) for j in range(3)) / 9


x, y = make_data(1, 200)  # @devstash
print(x.shape, y.dtype)
weights, rank = fit(x, y)  # @devstash
print(np.round(weights, 2), rank)
gram = x.T @ x  # @devstash
values = np.linalg.eigvalsh(gram)  # @devstash
print(bool(np.all(values > 0)), values.shape)
image = np.zeros((5, 5))
image[2, 2] = 9.0
smooth = blur(image)  # @devstash
print(smooth)
smooth[0, 0] = 1
print(smooth.sum(), smooth.flags.writeable)
mask = smooth > 0.5  # @devstash
picked = smooth[mask]  # @devstash
print(picked)
cumulative = np.cumsum(picked).tolist()  # @devstash
print(cumulative)
table = np.array([(1, "a"), (2, "b")], dtype=[("n", "i4"), ("s", "U3")])  # @devstash
print(table["s"], table[0])
