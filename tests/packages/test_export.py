"""`devstash export` and `devstash fixture` with values of well-known packages."""

import io
import json
import pickle

import pytest

numpy = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")

SCRIPT = """
import numpy as np
import pandas as pd
import polars as pl
from openai.types.chat import ChatCompletion

def frame():
    return pd.DataFrame({
        "city": ["東京", "Oslo"], "n": [1, 2], "x": [1.5, float("nan")], "when": pd.to_datetime(["2026-01-31", None]),
    })

def indexed():
    return pd.Series([1, 2], index=pd.Index(["a", "b"], name="key"), name="n")

def other():
    return pl.DataFrame({"a": [1, None], "b": ["x", "y"]})

def array():
    return np.arange(20000.0).reshape(2, -1)

def mixed():
    whole = np.arange(6000.0)
    return {"whole": whole, "part": whole[10:], "odd": np.array([1, "a", None], dtype=object)}

def answer():
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello."}}
    return ChatCompletion.model_validate({
        "id": "x", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [choice],
    })

for call in (0,):
    frame()  # @devstash
    indexed()  # @devstash
    other()  # @devstash
    array()  # @devstash
    mixed()  # @devstash
    answer()  # @devstash
"""


def test_values_of_packages(stash):
    pytest.importorskip("openai")
    pytest.importorskip("pyarrow")
    stash.write("s.py", SCRIPT)
    stash.ok("s.py")

    def export(name, form):
        outcome = stash.devstash("export", f"__{name}__", "--to", form, "--python", stash.python)
        return outcome.raw[0] if outcome.status == 0 else outcome.stderr.partition("\n")[2]

    cities = {"city": "東京", "n": 1, "x": 1.5, "when": "2026-01-31T00:00:00"}
    assert json.loads(export("frame", "json")) == [cities, {"city": "Oslo", "n": 2, "x": None, "when": None}]
    assert export("frame", "csv").decode() == "city,n,x,when\n東京,1,1.5,2026-01-31\nOslo,2,,\n"
    frame = pandas.read_parquet(io.BytesIO(export("frame", "parquet")))
    assert frame["city"].tolist() == ["東京", "Oslo"] and frame["x"].isna().tolist() == [False, True]
    assert export("indexed", "csv") == b"key,n\na,1\nb,2\n"
    assert json.loads(export("other", "json")) == [{"a": 1, "b": "x"}, {"a": None, "b": "y"}]
    assert export("other", "csv") == b"a,b\n1,x\n,y\n"
    assert polars.read_parquet(io.BytesIO(export("other", "parquet"))).rows() == [(1, "x"), (None, "y")]
    array = numpy.load(io.BytesIO(export("array", "npy")), allow_pickle=False)
    assert array.shape == (2, 10000) and array[1, 9999] == 19999.0
    assert json.loads(export("answer", "json"))["choices"][0]["message"]["content"] == "Hello."
    assert "`pandas" not in export("mixed", "json").decode()
    assert "`dict` is no array of numbers or texts" in export("mixed", "npy")
    for name in "array", "mixed", "frame":
        outcome = stash.devstash("fixture", f"__{name}__", "data", "--python", stash.python)
        assert outcome.status == 0, outcome
        data = (stash.folder / "data" / f"{name}.pkl").read_bytes()
        assert b"devstash" not in data
        assert type(pickle.loads(data)).__name__ == {"array": "ndarray", "mixed": "dict", "frame": "DataFrame"}[name]
        needs = (stash.folder / "data" / f"{name}.txt").read_text().partition("\nneeds")[2].partition("\n")[0]
        assert "numpy" in needs
