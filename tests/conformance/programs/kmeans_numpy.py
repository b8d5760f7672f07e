# packages: numpy
"""k-means by hand."""

import numpy as np


class KMeans:
    def __init__(self, k, seed=0, rounds=20):
        self.k, self.seed, self.rounds = k, seed, rounds

    def fit(self, points):
        source = np.random.default_rng(self.seed)
        self.centres = points[source.choice(len(points), self.k, replace=False)]
        for _ in range(self.rounds):
            labels = self.predict(points)
            moved = np.array([points[labels == i].mean(axis=0) for i in range(self.k)])
            if np.allclose(moved, self.centres):
                break
            self.centres = moved
        return self

    def predict(self, points):
        return np.linalg.norm(points[:, None] - self.centres, axis=2).argmin(axis=1)


def blobs(seed):
    source = np.random.default_rng(seed)
    return np.concatenate([source.normal(centre, 0.1, (30, 2)) for centre in ((0, 0), (3, 3), (0, 3))])


points = blobs(4)  # @devstash
model = KMeans(3, seed=2)
model.fit(points)  # @devstash
labels = model.predict(points)  # @devstash
print(sorted(np.bincount(labels).tolist()))
centres = sorted(np.round(model.centres, 1).tolist())  # @devstash
print(centres)
