"""A small report: slow to load, slow to score, and run again after every change of its last lines.

    devstash run examples/report.py 40

Three lines are marked. The first run waits for them; each later one does not, and a changed argument or
an edited function waits only for what it affects. Run with plain `python`, it does the same without
remembering anything.
"""

import sys
import time
from statistics import mean


class Archive:
    """Stands in for a far-away service that takes its time."""

    def __init__(self, name):
        self.name = name

    def query(self, year):
        time.sleep(0.8)
        return Rows([(year, day, (day * 7919 + year) % 365) for day in range(1, 366)])


class Rows:
    """What a query gives."""

    def __init__(self, rows):
        self.rows = rows

    def where(self, test):
        return Rows([row for row in self.rows if test(row)])

    def column(self, index):
        return [row[index] for row in self.rows]


def load(year):
    """A slow loader."""
    time.sleep(1.2)
    return {"year": year, "stations": [f"station {number}" for number in range(8)]}


def score(station, year):
    """An expensive judgement of one station."""
    time.sleep(0.15)
    return sum(ord(letter) * year for letter in station) % 100


def main():
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    data = load(2024)  # @devstash ttl=1d

    # Element by element: interrupt this loop with Ctrl-C, and the next run goes on where it stopped.
    scores = {station: score(station, data["year"]) for station in data["stations"]}  # @devstash

    # A chain is remembered as one: on a hit none of its calls is made.
    values = Archive("weather").query(2024).where(lambda row: row[1] > 31).column(2)  # @devstash

    print(f"{data['year']}: {len(data['stations'])} stations, mean of {len(values)} values {mean(values):.1f}")
    for station, points in sorted(scores.items(), key=lambda pair: -pair[1]):
        if points >= limit:
            print(f"  {station:<12}{points:>4}  {'#' * (points // 5)}")


if __name__ == "__main__":
    main()
