"""scikit-learn on its digits data: splitting, fitting and predicting in steps that are remembered."""

import pytest

pytest.importorskip("sklearn")

SCRIPT = """
import os, sys
counter = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)  # @devstash
X = X / 16
X_train, X_test, y_train, y_test = train_test_split(  # @devstash
    X, y, test_size=0.25, random_state=int(sys.argv[1])
)

def fit(X, y, C):
    os.write(counter, b"fit\\n")
    return LogisticRegression(C=C, max_iter=500).fit(X, y)

model = fit(X_train, y_train, C=float(sys.argv[2]))  # @devstash
score = model.score(X_test, y_test)  # @devstash
guessed = model.predict(X_test[:5]).tolist()  # @devstash
X_train[0, 0] = 5.0
print(X_train.shape, X_test.dtype, y_train[:5], round(score, 4), guessed, model.C, X_train.flags.writeable)
"""


def test_digits(stash):
    stash.write("s.py", SCRIPT)
    expected = stash.plain("s.py", "0", "1.0").stdout
    stash.forget()
    assert stash.ok("s.py", "0", "1.0") == expected
    entries = len(stash.entries())
    assert stash.ok("s.py", "0", "1.0") == expected
    assert stash.executions() == ["fit"]
    assert len(stash.entries()) == entries
    assert any(path.name.startswith("sklearn.model_selection._split__train_test_split__") for path in stash.entries())
    # Another split or another strength of regularisation is another model.
    stash.ok("s.py", "1", "1.0")
    stash.ok("s.py", "0", "0.1")
    assert stash.executions() == ["fit"] * 3
    assert stash.ok("s.py", "0", "1.0") == expected
    assert stash.executions() == ["fit"] * 3


def test_fitting_in_place_gives_a_fitted_model(stash):
    """`model.fit(X, y)` changes the model: after a hit it would have to be fitted all the same."""
    stash.write(
        "s.py",
        """
        from sklearn.datasets import load_digits
        from sklearn.linear_model import LogisticRegression
        X, y = load_digits(return_X_y=True)
        X = X / 16
        model = LogisticRegression(max_iter=500)
        fitted = model.fit(X[:300], y[:300])  # @devstash
        print(fitted is model, model.predict(X[:3]).tolist(), hasattr(model, "coef_"))
        """,
    )
    expected = stash.plain("s.py")
    for _ in range(3):
        outcome = stash.run("s.py")
        assert (outcome.stdout, outcome.status) == (expected.stdout, expected.status)


def test_arrays_are_keyed_by_their_content(stash):
    stash.write(
        "s.py",
        """
        import sys
        import numpy as np
        def f(a):
            log("f")
            return float(a.sum())
        base = np.arange(12, dtype="float64")
        print(f(base), f(base.copy()))  # @devstash
        print(f(base.reshape(3, 4)), f(base.astype("float32")), f(base[::-1]), f(base[:0]))  # @devstash
        base[3] = 9
        print(f(base))  # @devstash
        """,
        log=True,
    )
    stash.twice("s.py")
    assert len(stash.executions()) == 6
