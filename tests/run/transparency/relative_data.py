# file: colours.csv
import csv
import os
from pathlib import Path


def rows(name):
    with open(name, newline="") as file:
        return list(csv.reader(file))


first = rows("colours.csv")  # @devstash files=colours.csv
second = Path(__file__).with_name("colours.csv").read_text()  # @devstash files=*.csv
print(first, second, sorted(os.listdir(".")))
