"""The rows of the benchmark by the names that `--only` takes, in the order of the page.

A row is a function from a `bench.Bench` to a list of `measure.Line`.
"""

from rows import calls, files, keys, large, startup

ROWS = {**startup.ROWS, **calls.ROWS, **large.ROWS, **keys.ROWS, **files.ROWS}
