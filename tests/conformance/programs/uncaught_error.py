"""Fails with a traceback through a marked call."""

import json


class Loader:
    def __init__(self, texts):
        self.texts = texts

    def load(self, name):
        try:
            return json.loads(self.texts[name])
        except json.JSONDecodeError as trouble:
            raise ValueError(f"{name} is broken") from trouble


loader = Loader({"good": '{"a": [1, 2]}', "bad": "{"})
good = loader.load("good")  # @devstash
print(good)
total = sum(good["a"])  # @devstash
print(total)
bad = loader.load("bad")  # @devstash
print("never", bad)
