"""Files read by the usual packages: changed between two runs, they are read again."""

import os
import time

import pytest

HEAD = """
import sys, os
log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
"""

SCRIPTS = {
    "numpy": """
        import numpy
        def load(path):
            return numpy.load(path).sum()
    """,
    "numpy text": """
        import numpy
        def load(path):
            return numpy.loadtxt(path).sum()
    """,
    "pandas": """
        import pandas
        def load(path):
            return pandas.read_csv(path)["n"].sum()
    """,
    "pandas parquet": """
        import pandas
        def load(path):
            return pandas.read_parquet(path)["n"].sum()
    """,
    "pyarrow": """
        import pyarrow.parquet
        def load(path):
            return pyarrow.parquet.read_table(path).to_pydict()
    """,
    "polars": """
        import polars
        def load(path):
            return polars.read_csv(path)["n"].sum()
    """,
    "joblib": """
        import joblib
        def load(path):
            return joblib.load(path)
    """,
}


def fill(path, name, n):
    if name == "numpy":
        import numpy

        with open(path, "wb") as file:
            numpy.save(file, numpy.array([n, 1]))
    elif name in ("pandas parquet", "pyarrow"):
        import pandas

        pandas.DataFrame({"n": [n, 1]}).to_parquet(path, engine="pyarrow")
    elif name == "joblib":
        import joblib

        joblib.dump(n, path)
    else:
        path.write_text(f"{'' if name == 'numpy text' else 'n'}\n{n}\n1\n".lstrip())
    os.utime(path, (time.time() - 900, time.time() - 900))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_file_is_read_by_a_package(stash, name):
    pytest.importorskip(name.split()[0])
    if name in ("pandas parquet", "pyarrow"):
        pytest.importorskip("pyarrow")
        pytest.importorskip("pandas")
    first, *rest = SCRIPTS[name].strip().split("\n")
    body = "\n".join([first, *[line[8:] for line in rest]])
    body = body.replace("(path):\n", '(path):\n    os.write(log, b"ran\\n")\n')
    stash.write("s.py", f'{HEAD}{body}\nprint(load("data.in"))  # @devstash\n')
    data = stash.folder / "data.in"

    def ran():
        stash.forget()
        outcome = stash.run("s.py")
        assert (outcome.status, outcome.stderr) == (0, ""), outcome
        return stash.executions() != []

    fill(data, name, 1)
    assert ran() and not ran()
    fill(data, name, 2)
    assert ran() and not ran()
    fill(data, name, 1)
    assert not ran()
