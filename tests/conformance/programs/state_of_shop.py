"""Keeps its state in a shelf and a zip beside it, and changes objects in place through marked calls."""

import io
import pickle
import zipfile
from collections import ChainMap, OrderedDict, deque


class Basket:
    def __init__(self):
        self.lines = OrderedDict()
        self.undo = deque(maxlen=3)

    def add(self, name, n=1):
        self.undo.append((name, self.lines.get(name)))
        self.lines[name] = self.lines.get(name, 0) + n
        return self

    def back(self):
        name, before = self.undo.pop()
        if before is None:
            del self.lines[name]
        else:
            self.lines[name] = before
        return dict(self.lines)


def archive(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in files.items():
            out.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def names(data):
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return opened.namelist()


basket = Basket()
same = basket.add("tea").add("milk", 2)  # @devstash
print(same is basket, dict(basket.lines))
basket.add("tea")  # @devstash
print(dict(basket.lines))
after = basket.back()  # @devstash
print(after, list(basket.undo))
copy = pickle.loads(pickle.dumps(basket))  # @devstash
print(type(copy) is Basket, copy.lines == basket.lines)
settings = ChainMap({"a": 1}, {"a": 2, "b": 3})
merged = dict(settings)  # @devstash
print(merged)
data = archive({"one.txt": b"1", "two.txt": b"22" * 50})  # @devstash
print(names(data), len(data) < 500)  # @devstash
rows = []
for n in range(3):
    rows.append(n)  # @devstash
print(rows)
rows.sort(reverse=True)  # @devstash
print(rows)
