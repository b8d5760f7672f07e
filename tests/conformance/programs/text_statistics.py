# stdin: the cat sat on the mat\\nthe dog sat on the log\\n
"""Word statistics of what comes in on stdin."""

import re
import sys
from collections import Counter
from itertools import islice

WORD = re.compile(r"[a-z']+")


def words(text):
    return WORD.findall(text.lower())


def ngrams(items, n):
    return list(zip(*(islice(items, i, None) for i in range(n))))


class Statistics:
    def __init__(self, text):
        self.text = text

    @property
    def words(self):
        return words(self.text)

    def top(self, n=3):
        return Counter(self.words).most_common(n)

    def bigrams(self):
        return Counter(ngrams(self.words, 2))


text = sys.stdin.read()
statistics = Statistics(text)
top = statistics.top(n=2)  # @devstash
pairs = statistics.bigrams()  # @devstash
print(top)
print(sorted(pairs.items())[:3])  # @devstash
mean = sum(map(len, statistics.words)) / len(statistics.words)  # @devstash
print(f"{mean:.3f} letters in {len(statistics.words)} words")
lines = text.splitlines()  # @devstash
longest = max(lines, key=len)  # @devstash
print(longest)
