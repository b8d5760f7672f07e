# args: --format table --min 2 apples pears apples plums pears apples
"""A small command-line tool: counts words given as arguments and prints a report."""

import argparse
import collections
import json


def parse(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="+")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--min", type=int, default=1)
    return parser.parse_args(argv)


def tally(words, least):
    counts = collections.Counter(words)
    return {word: n for word, n in sorted(counts.items()) if n >= least}


def table(counts):
    width = max(len(word) for word in counts)
    return "\n".join(f"{word:<{width}}  {n:>3}" for word, n in counts.items())


RENDERERS = {"table": table, "json": lambda counts: json.dumps(counts, indent=2)}


def main():
    options = parse()  # @devstash
    counts = tally(options.words, options.min)  # @devstash
    text = RENDERERS[options.format](counts)  # @devstash
    print(text)
    return 0 if counts else 1


if __name__ == "__main__":
    raise SystemExit(main())
