"""What real packages do to the objects they are given: after a hit everything is as if the call had been made."""

import pytest

PIPELINE = """
import os, sys
counter = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
def log(line): os.write(counter, (line + "\\n").encode())
import numpy as np
from sklearn.datasets import load_iris
X, y = load_iris(return_X_y=True)
"""


def plays(stash, text, *hits):
    """Run the script in plain Python, then twice with devstash: the same is printed, and the second run hits at all
    the marked lines of `hits` (parts of the lines that `-v` prints) without a miss."""
    stash.write("s.py", PIPELINE + text)
    expected = stash.plain("s.py").stdout
    stash.forget()
    assert stash.ok("s.py") == expected
    stash.executions()
    again = stash.run("-v", "s.py")
    assert again.stdout == expected
    assert "miss" not in again.stderr and "not cached" not in again.stderr, again.stderr
    for name in hits:
        assert f"hit {name}" in again.stderr, again.stderr
    return expected


@pytest.fixture
def sklearn():
    return pytest.importorskip("sklearn")


def test_fit_partial_fit_predict_in_a_row(stash, sklearn):
    out = plays(
        stash,
        """
from sklearn.linear_model import SGDClassifier
model = SGDClassifier(random_state=0)
fitted = model.fit(X, y)  # @devstash
again = model.partial_fit(X[:20], y[:20])  # @devstash
guessed = model.predict(X)  # @devstash
print(fitted is model, again is model, guessed.sum(), model.coef_.round(5).tolist(), model.t_)
""",
    )
    assert out.startswith("True True ")


def test_a_pipeline_keeps_its_parts(stash, sklearn):
    plays(
        stash,
        """
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
scaler, last = StandardScaler(), LogisticRegression(max_iter=500)
pipe = make_pipeline(scaler, last)
out = pipe.fit(X, y)  # @devstash
score = pipe.score(X, y)  # @devstash
print(out is pipe, pipe[0] is scaler, pipe[-1] is last, scaler.mean_.round(5).tolist(), round(score, 5))
print(last.coef_.round(4).tolist())
""",
    )


def test_a_forest(stash, sklearn):
    plays(
        stash,
        """
from sklearn.ensemble import RandomForestClassifier
model = RandomForestClassifier(n_estimators=5, random_state=1)
model.fit(X, y)  # @devstash
chances = model.predict_proba(X[::30])  # @devstash
print(chances.tolist(), len(model.estimators_), model.feature_importances_.round(6).tolist())
""",
    )


def test_a_search(stash, sklearn):
    plays(
        stash,
        """
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC
search = GridSearchCV(SVC(), {"C": [0.1, 1.0]}, cv=3)
out = search.fit(X, y)  # @devstash
print(out is search, search.best_params_, round(search.best_score_, 6))
print(search.predict(X[::30]).tolist(), [round(n, 6) for n in search.cv_results_["mean_test_score"]])
""",
    )


def test_scalers_and_fit_transform(stash, sklearn):
    plays(
        stash,
        """
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
scaler, pca = StandardScaler(), PCA(2)
scaled = scaler.fit_transform(X)  # @devstash
flat = pca.fit_transform(scaled)  # @devstash
print(scaled.sum(axis=0).round(6).tolist(), abs(flat).sum().round(5), scaler.n_samples_seen_, pca.n_components_)
""",
    )


def test_a_split_with_a_seed(stash, sklearn):
    plays(
        stash,
        """
from sklearn.model_selection import train_test_split
a, b, c, d = train_test_split(X, y, random_state=3)  # @devstash
print(a.sum().round(6), b.shape, c.tolist()[:9], d.tolist()[:9], np.shares_memory(a, X))
""",
    )


def test_a_split_of_a_seeded_program(stash, sklearn):
    """Without `random_state` it draws from numpy's generator, which goes on from there."""
    plays(
        stash,
        """
from sklearn.model_selection import train_test_split
np.random.seed(5)
a, b, c, d = train_test_split(X, y)  # @devstash
e, f = train_test_split(X)  # @devstash
g, h = train_test_split(X)  # @devstash
print(c.tolist()[:9], e.sum().round(6), g.sum().round(6), np.random.randint(1000))
""",
    )


def test_a_split_of_a_program_that_does_not_seed(stash, sklearn):
    """Any split is as good as another: the first one is kept."""
    stash.write(
        "s.py",
        PIPELINE
        + """
from sklearn.model_selection import train_test_split
a, b = train_test_split(X)  # @devstash
print(a.sum(), b.sum())
""",
    )
    first = stash.ok("s.py")
    assert stash.ok("s.py") == first


def test_four_calls_whose_middle_is_edited(stash, sklearn):
    text = (
        PIPELINE
        + """
from sklearn.linear_model import LogisticRegression

def load():
    log("load")
    return X.copy(), y

def clean(X):
    log("clean")
    X -= X.mean(axis=0)
    return X

def train(X, y):
    log("train")
    return LogisticRegression(C=1.0, max_iter=500).fit(X, y)

def report(model, X):
    log("report")
    return model.predict_proba(X[::50]).round(4).tolist()

data, labels = load()  # @devstash
cleaned = clean(data)  # @devstash
model = train(cleaned, labels)  # @devstash
out = report(model, cleaned)  # @devstash
print(cleaned is data, data.sum().round(6), out)
"""
    )

    def outcome(text):
        stash.write("s.py", text)
        out = stash.ok("s.py")
        done = stash.executions()
        stash.forget()
        return out, done

    first, done = outcome(text)
    assert done == ["load", "clean", "train", "report"]
    assert outcome(text) == (first, [])
    edited, done = outcome(text.replace("C=1.0", "C=0.01"))
    assert edited != first and done == ["train", "report"]
    scaled, done = outcome(text.replace("X -= X.mean(axis=0)", "X /= 2"))
    assert scaled != first and done == ["clean", "train", "report"]
    assert outcome(text) == (first, [])


def test_frames_of_pandas_in_place(stash):
    pytest.importorskip("pandas")
    stash.write(
        "s.py",
        """
        import pandas as pd

        def widen(frame):
            log("widen")
            frame["sum"] = frame["a"] + frame["b"]
            frame.loc[1, "a"] = 50
            frame.insert(0, "first", ["x", "y", "z"])
            del frame["b"]

        def count(frame):
            log("count")
            frame.attrs["rows"] = len(frame)
            frame.index.name = "n"
            return frame.groupby("first")["sum"].sum()

        frame = pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]})
        held = {"frame": frame}
        widen(held["frame"])  # @devstash
        sums = count(frame)  # @devstash
        print(frame.to_dict(), frame.attrs, frame.index.name, held["frame"] is frame, sums.to_dict())
        print(frame.dtypes.astype(str).to_dict() if pd.__version__ < "3" else list(frame.columns))
        """,
        log=True,
    )
    expected = stash.plain("s.py").stdout
    stash.forget()
    assert [stash.ok("s.py") for _ in range(3)] == [expected] * 3
    assert stash.executions() == ["widen", "count"]


def test_frames_of_polars_in_place(stash):
    pytest.importorskip("polars")
    stash.write(
        "s.py",
        """
        import polars as pl

        def widen(frame):
            log("widen")
            frame.insert_column(1, pl.Series("b", [3, 4]))
            frame[0, "a"] = 10
            return frame

        frame = pl.DataFrame({"a": [1, 2]})
        out = widen(frame)  # @devstash
        print(out is frame, frame.to_dict(as_series=False))
        """,
        log=True,
    )
    expected = stash.plain("s.py").stdout
    stash.forget()
    assert [stash.ok("s.py") for _ in range(3)] == [expected] * 3
    assert stash.executions() == ["widen"]


def test_arrays_of_numpy_in_place(stash):
    pytest.importorskip("numpy")
    stash.write(
        "s.py",
        """
        import numpy as np

        def scale(a, rng):
            log("scale")
            a *= 2
            a.T[0] += rng.standard_normal(a.shape[0])
            return a[1]

        rng = np.random.default_rng(3)
        whole = np.arange(12.0).reshape(4, 3)
        for part in (whole[:2], whole[2:], whole[::2]):
            row = scale(part, rng)  # @devstash
            print(row.round(6).tolist())
        print(whole.round(6).tolist(), rng.integers(1000))
        """,
        log=True,
    )
    expected = stash.plain("s.py").stdout
    stash.forget()
    assert [stash.ok("s.py") for _ in range(3)] == [expected] * 3
    assert stash.executions() == ["scale"] * 3
