# args: 6
"""Conway's Game of Life on an endless board."""

import sys
from collections import Counter
from itertools import product

GLIDER = frozenset({(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)})


def neighbours(cell):
    x, y = cell
    return {(x + dx, y + dy) for dx, dy in product((-1, 0, 1), repeat=2)} - {cell}


def step(alive):
    counts = Counter(other for cell in alive for other in neighbours(cell))
    return frozenset(cell for cell, n in counts.items() if n == 3 or (n == 2 and cell in alive))


def show(alive, size=6):
    return "\n".join("".join("#" if (x, y) in alive else "." for x in range(size)) for y in range(size))


def generations(alive, n):
    while n:
        alive = step(alive)  # @devstash
        yield alive
        n -= 1


last = GLIDER
for number, board in enumerate(generations(GLIDER, int(sys.argv[1])), 1):  # @devstash off
    print(number, len(board))
    last = board
picture = show(last)  # @devstash
print(picture)
print(sorted(last)[:2])  # @devstash
