"""Nothing of ours is left to the collector: what a call was given goes when the script lets go of it."""

import gc
import json
import random
import signal
import weakref

with open("data.json", "w") as out:
    json.dump({"a": 1}, out)


class Model:
    def fit(self, rows):
        self.rows = sorted(rows)
        return self

    def read(self, name):
        with open(name) as file:
            self.read_from = json.load(file)
        return self.read_from

    def draw(self):
        return random.random()


class Slow:
    """Whoever looks at it takes too long."""

    def __getstate__(self):
        signal.raise_signal(signal.SIGALRM)
        return {}


def too_late(number, frame):
    raise TimeoutError


signal.signal(signal.SIGALRM, too_late)


def fails(rows):
    raise ValueError(rows)


def numbers(rows):  # @devstash
    for row in rows.given:
        yield row


def doubled(rows):  # @devstash
    return [2 * row for row in rows.given]


class Rows:
    def __init__(self, given):
        self.given = given

    def __iter__(self):
        return iter(self.given)


def each():
    rows = Rows([3, 1, 2])
    model = Model()
    model.fit(rows)  # @devstash
    found = model.read("data.json")  # @devstash
    drawn = model.draw()  # @devstash
    again = model.draw()  # @devstash
    lengths = [len(str(row)) for row in rows]  # @devstash
    twice = doubled(rows)
    listed = list(numbers(rows))
    try:
        fails(rows)  # @devstash
    except ValueError as error:
        text = type(error).__name__
    slow = Slow()
    try:
        fails(slow)  # @devstash
    except (ValueError, TimeoutError):
        pass
    print(found, drawn, again, lengths, twice, listed, text)
    return weakref.ref(rows), weakref.ref(model), weakref.ref(slow)


random.seed(3)
gc.collect()
gc.disable()
print([ref() for ref in each()])
print([ref() for ref in each()])
