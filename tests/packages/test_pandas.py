"""pandas: `read_csv` with a chain behind it."""

import pytest

pandas = pytest.importorskip("pandas")

SCRIPT = """
import sys
import pandas as pd

real = pd.read_csv
df = (
    pd.read_csv("data.csv", dtype={"city": "category"})  # @devstash files=data.csv
    .query("value > 1")
    .groupby("city", observed=True)
    .agg(total=("value", "sum"), count=("value", "size"))
    .reset_index()
)
print(df.to_string(), df.dtypes.astype(str).tolist(), list(df.columns), type(df).__name__)
df["total"] = df["total"] * 2
df.loc[0, "count"] = 99
print(df.to_string())
"""

CSV = "city,value\nRome,1\nRome,2\nOslo,3\nRome,4\n"


def test_read_csv_and_a_chain(stash):
    stash.write("data.csv", CSV)
    stash.write("s.py", SCRIPT)
    expected = stash.plain("s.py")
    assert expected.status == 0, expected
    assert stash.twice("s.py") == expected.stdout
    assert len(stash.entries()) == 1
    # Nothing of the chain runs on a hit: also not with the file gone that it would read, were it not for `files`.
    stash.write("data.csv", CSV + "Oslo,5\n")
    changed = stash.twice("s.py")
    assert changed == stash.plain("s.py").stdout != expected.stdout
    stash.write("data.csv", CSV)
    before = [path.stat().st_mtime_ns for path in stash.entries()]
    assert stash.ok("s.py") == expected.stdout
    assert [path.stat().st_mtime_ns for path in stash.entries()] == before


def test_no_link_of_the_chain_runs_on_a_hit(stash):
    stash.write("data.csv", CSV)
    stash.write("s.py", SCRIPT.replace("files=data.csv", ""))
    first = stash.ok("s.py")
    again = stash.run("s.py", options=["-v"])
    assert again.stdout == first and "hit read_csv" in again.stderr and "miss" not in again.stderr
    (stash.folder / "data.csv").write_text(CSV.replace("1", "7"))
    assert stash.ok("s.py") != first


def test_frames_as_arguments_and_results(stash):
    printed, first, second = stash.script_twice(
        """
        import pandas as pd
        def clean(df, column):
            log(column)
            return df.dropna().assign(**{column: df[column] * 2})
        df = pd.DataFrame({"a": [1.0, None, 3.0], "b": ["x", "y", None]}, index=["p", "q", "r"])
        one = clean(df, "a")  # @devstash
        two = clean(df.rename(columns={"b": "c"}), "a")  # @devstash
        three = clean(df.set_index("b"), "a")  # @devstash
        print(one, two, three, one.dtypes.to_dict(), one.index.tolist())
        """
    )
    assert first == ["a", "a", "a"]
    assert second == []


def test_large_times_are_mapped(stash):
    """NumPy has no buffers of times, so they are stored as whole numbers; what comes back is the same all the same."""
    pytest.importorskip("numpy")
    printed, first, second = stash.script_twice(
        """
        import numpy as np
        import pandas as pd
        def frame(rows):
            log("frame")
            moments = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(rows), unit="s")
            spans = pd.to_timedelta(np.arange(rows), unit="s")
            return pd.DataFrame({"when": moments, "n": np.arange(rows), "for": spans})
        def arrays(rows):
            log("arrays")
            days = np.arange("2024-01-01", rows, dtype="datetime64[h]")
            table = np.asfortranarray(days[:100_000].reshape(1000, 100))
            return days, days[5:], table, np.array("2024-01-01", dtype="M8[D]"), days[:3]
        def shift(days):
            log("shift")
            days += np.timedelta64(1, "h")
            return days
        f = frame(100_000)  # @devstash
        print(f.dtypes.astype(str).tolist(), f.iloc[[0, 77, -1]].to_string(), f["for"].sum())
        f.loc[3, "when"] = pd.Timestamp("2000-01-01", tz="UTC")
        print(f["when"].min(), f["when"].dt.year.nunique())
        a = arrays("2045-01-01")  # @devstash
        print([(x.dtype.str, x.shape, str(x.ravel()[-1]), x.flags.f_contiguous, x.flags.writeable) for x in a])
        a[0][6] = np.datetime64("1999-01-01T00", "h")
        print(a[1][1], a[4][2], np.shares_memory(a[0], a[1]))
        s = shift(a[0])  # @devstash
        print(s is a[0], s[6], a[1][1])
        """
    )
    assert first == ["frame", "arrays", "shift"]
    assert second == []
    for path in stash.entries():
        if "frame" in path.name or "arrays" in path.name:
            stream = path.read_bytes()[:-104]
            inner = int.from_bytes(path.read_bytes()[-104:][32:40], "little")
            assert inner < 40_000 < len(stream), path


def test_frames_in_one_result_share_nothing(stash):
    """A frame and its columns, of pandas' own types, too: what is written to one is seen in the others as in pandas."""
    stash.write(
        "s.py",
        """
        import pandas as pd
        def load():
            days = pd.to_datetime(["2024-01-01", "2024-01-02"])
            d = pd.DataFrame({
                "name": ["a", "b"], "n": [1, 2], "w": days, "z": days.tz_localize("UTC"), "t": days - days[0],
                "m": pd.array([1, None], dtype="Int64"), "c": pd.Categorical(["x", "y"]),
                "p": pd.period_range("2024", periods=2, freq="M"), "i": pd.arrays.IntervalArray.from_breaks([0, 1, 2]),
            })
            d["twin"] = d["name"]
            return d, d["name"], d["w"], d["z"], d["t"], d["m"], d["c"], d["p"], d["n"], d["i"], d[["name", "w"]], d
        d, *rest = load()  # @devstash
        d.loc[0, "name"] = "changed"
        d.loc[0, "w"] = pd.Timestamp("2000-01-01")
        d.loc[0, "z"] = pd.Timestamp("2000-01-01", tz="UTC")
        d.loc[0, "t"] = pd.Timedelta(9, "s")
        d.loc[0, "m"] = 77
        d.loc[0, "c"] = "y"
        d.loc[0, "p"] = pd.Period("2000-01", "M")
        d.loc[0, "n"] = 99
        for one in rest:
            print(one.to_string())
        print(rest[-1] is d, d["twin"].tolist())
        """,
    )
    expected = stash.plain("s.py").stdout
    for _ in range(3):
        assert stash.run("-q", "s.py").stdout == expected
    again = stash.run("-v", "s.py").stderr
    if pandas.__version__ >= "3":
        assert "hit load" in again
    else:  # columns share objects there, which cannot be brought back
        assert "two arrays of objects in it share memory" in again


def test_arrays_of_objects_that_share_memory(stash):
    stash.write(
        "s.py",
        """
        import numpy as np
        def rest(a):
            return a[1:]
        def pair():
            a = np.array(["x", 1, None], dtype=object)
            return a, a[1:]
        def apart():
            a = np.array([["x", 1], [None, 2]], dtype=object)
            return a[:, 0], a[:, 1], a[:0]
        a = np.array(["x", 1, None], dtype=object)
        v = rest(a)  # @devstash
        a[1] = "changed"
        p, q = pair()  # @devstash
        p[1] = "changed"
        r, s, t = apart()  # @devstash
        r[1] = "changed"
        print(v, q, s, t)
        """,
    )
    expected = stash.plain("s.py").stdout
    for _ in range(3):
        assert stash.run("-q", "s.py").stdout == expected
    again = stash.run("-v", "s.py").stderr
    assert "hit apart" in again and again.count("share") + again.count("belongs to what the call was given") == 2
