"""One marked call of a method that reads a file: a hit looks at the receiver, the code and the file."""

import os
import time


class Loader:
    def __init__(self, path):
        self.path = path

    def load(self, limit):
        os.write(9, b".")
        with open(self.path) as file:
            return file.read()[:limit].split()


if not os.path.exists("words.txt"):
    with open("words.txt", "w") as file:
        file.write("some words " * 100)
    time.sleep(0.1)  # a file that was written a moment ago is looked at more closely
loader = Loader("words.txt")
value = loader.load(500)  # @devstash
print({"length": len(value)})
