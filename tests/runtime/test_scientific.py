"""Arrays, frames, matrices, images and models count by what they hold, not by how their memory is laid out.

Each package's tests run where the package is installed. PyTorch is too large to install for tests: a stand-in with
the same names takes its place.
"""

import io
import pickle
import sys
import types
import warnings

import pytest
from devstash.encode import Unkeyable, encode


def package(name):
    return pytest.importorskip(name, reason=f"{name} is not installed")


def distinct(values, copied=True):
    """All values have different digests, stable ones, and their pickled copies have the same."""
    seen = {}
    for name, value in values.items():
        digest = encode(value)
        assert digest not in seen, (name, seen[digest])
        seen[digest] = name
        assert encode(value) == digest, name
        if copied:
            assert encode(pickle.loads(pickle.dumps(value))) == digest, name


def test_numpy():
    np = package("numpy")
    a = np.arange(12.0).reshape(3, 4)
    distinct(
        {
            "C": a,
            "F": np.asfortranarray(a),
            "transposed": a.T,
            "int": a.astype("i8"),
            "flat": a.ravel(),
            "zero": np.zeros((0, 3)),
            "other zero": np.zeros((3, 0)),
            "scalar": np.float64(1.5),
            "no dimension": np.array(1.5),
            "bool": np.array([True]),
            "objects": np.array([1, "a", None, {"x", "y"}], dtype=object),
            "text": np.array(["a", "bb"]),
            "days": np.array(["2020-01-01"], dtype="M8[D]"),
            "seconds": np.array(["2020-01-01"], dtype="M8[s]"),
            "structure": np.zeros(3, dtype=[("a", "i4"), ("b", "f8")]),
            "aligned": np.zeros(3, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True)),
            "structure of objects": np.array([(1, "x")], dtype=[("a", "i4"), ("o", "O")]),
            "records": np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
            "masked": np.ma.array([1, 2, 3], mask=[0, 1, 0]),
            "otherwise masked": np.ma.array([1, 2, 3], mask=[0, 0, 1]),
            "large": np.zeros(100_000),
            "generator": np.random.default_rng(1),
            "state": np.random.RandomState(1),
            "ufunc": np.add,
            "dtype": np.dtype("f8"),
            "function": np.mean,
        }
    )
    assert encode(np.ma.masked) == encode(np.ma.masked)


def test_numpy_layout_does_not_count():
    np = package("numpy")
    a = np.arange(24.0).reshape(4, 6)
    assert encode(a[:, ::2]) == encode(a[:, ::2].copy())
    assert encode(a[::-1]) == encode(a[::-1].copy())
    padded = np.zeros(3, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True))
    other = padded.copy()
    other.view("u1").reshape(3, -1)[:, 1:8] = 255
    assert encode(padded) == encode(other)
    large = np.zeros(100_000)
    before = encode(large)
    large[77_777] = 1
    assert encode(large) != before
    masked = np.ma.array([1, 2, 3], mask=[0, 1, 0])
    before = encode(masked)
    masked.fill_value  # noqa: B018  (it is computed and kept now)
    assert encode(masked) == before


def test_numpy_objects_in_a_cycle():
    np = package("numpy")

    def made(size):
        array = np.zeros(size, dtype=object)
        array[0] = {"array": array}
        return array

    assert encode(made(2)) == encode(made(2)) != encode(made(3))
    with pytest.raises(Unkeyable, match="nested too deeply"):
        encode(made(2000))


def test_pandas():
    pd = package("pandas")
    frame = pd.DataFrame(
        {
            "a": [1, 2, 3],
            "b": ["x", "y", None],
            "c": [1.5, float("nan"), 2],
            "d": pd.date_range("2020", periods=3, tz="UTC"),
            "e": pd.Categorical(["u", "v", "u"]),
        }
    )
    noted = frame.copy()
    noted.attrs["unit"] = "m"
    changed = frame.copy()
    changed.loc[1, "b"] = "z"
    distinct(
        {
            "frame": frame,
            "indexed": frame.set_index("a"),
            "renamed": frame.rename(columns={"a": "A"}),
            "reordered": frame[["b", "a", "c", "d", "e"]],
            "changed": changed,
            "noted": noted,
            "other type": frame.astype({"a": "float64"}),
            "other categories": frame.assign(e=frame["e"].cat.add_categories("w")),
            "series": frame["a"],
            "floats": frame["c"],
            "index": frame.index,
            "columns": frame.columns,
            "nullable": pd.array([1, None, 2], dtype="Int64"),
            "nullable bool": pd.array([True, None], dtype="boolean"),
            "string": pd.Series(["a", None], dtype="string"),
            "periods": pd.period_range("2020", periods=2, freq="M"),
            "intervals": pd.interval_range(0, 3),
            "sparse": pd.Series(pd.arrays.SparseArray([0, 0, 1])),
            "levels": pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["q", None]),
            "timestamp": pd.Timestamp("2020", tz="Europe/Berlin"),
            "nat": pd.NaT,
            "na": pd.NA,
            "deltas": pd.to_timedelta([1, 2], unit="s"),
        }
    )
    longer = frame.copy()
    longer["z"] = 1
    assert encode(longer) == encode(frame.assign(z=1))
    del longer["z"]
    assert encode(longer) == encode(frame)
    assert encode(pd.concat([frame.iloc[:1], frame.iloc[1:]])) == encode(frame)
    before = encode(frame)
    frame["a"].sum(), frame.groupby("b").size(), frame.describe()
    assert encode(frame) == before


def test_what_lies_under_a_null_does_not_count():
    pd = package("pandas")
    one = pd.array([1, 2, 3], dtype="Int64")
    one[1] = None
    assert encode(one) == encode(pd.array([1, None, 3], dtype="Int64"))


def test_polars():
    pl = package("polars")
    frame = pl.DataFrame(
        {
            "a": [1, 2, None],
            "b": ["x", None, "z"],
            "c": [1.0, 2.0, 3.0],
            "l": [[1], [2, 3], None],
            "t": [True, None, False],
        }
    )
    distinct(
        {
            "frame": frame,
            "changed": frame.with_columns(pl.col("a") + 1),
            "renamed": frame.rename({"a": "A"}),
            "series": frame["a"],
            "other type": frame["a"].cast(pl.Int32),
            "plan": frame.lazy().filter(pl.col("a") > 1),
            "other plan": frame.lazy().filter(pl.col("a") > 2),
            "expression": pl.col("a") + 1,
            "categories": frame["b"].cast(pl.Categorical),
            "empty": frame.head(0),
        }
    )
    assert encode(pl.concat([frame.head(1), frame.tail(2)], rechunk=False)) == encode(frame)


def test_arrow():
    pa = package("pyarrow")
    table = pa.table({"a": [1, 2, None], "b": ["x", None, "z"], "f": [1.0, 2.0, 3.0]})
    distinct(
        {
            "table": table,
            "batch": table.to_batches()[0],
            "column": table["a"],
            "array": pa.array([1, 2]),
            "other array": pa.array([1, 3]),
            "texts": pa.array(["a", "bc"]),
            "texts cut elsewhere": pa.array(["ab", "c"]),
            "large texts": pa.array(["a", "bc"], type=pa.large_string()),
            "bytes": pa.array([b"a", b"bc"]),
            "bools": pa.array([True, None]),
            "lists": pa.array([[1], None]),
            "dictionary": table["b"].dictionary_encode(),
            "schema": table.schema,
            "scalar": pa.scalar(5),
        }
    )
    assert encode(pa.array([5, 1, 2])[1:]) == encode(pa.array([1, 2]))
    assert encode(pa.array(["z", "a", "bc"])[1:]) == encode(pa.array(["a", "bc"]))
    assert encode(pa.concat_tables([table.slice(0, 1), table.slice(1)])) == encode(table)


def test_scipy():
    np = package("numpy")
    sparse = package("scipy.sparse")
    matrix = sparse.csr_matrix(np.eye(3))
    distinct(
        {
            "csr": matrix,
            "csc": matrix.tocsc(),
            "coo": matrix.tocoo(),
            "lil": matrix.tolil(),
            "dok": matrix.todok(),
            "dia": sparse.dia_matrix(np.eye(3)),
            "bsr": matrix.tobsr(),
            "array": sparse.csr_array(np.eye(3)),
            "other": sparse.csr_matrix(np.eye(3) * 2),
        }
    )
    before = encode(matrix)
    assert matrix.has_sorted_indices and matrix.has_canonical_format  # both are noted in the object
    assert encode(matrix) == before


def test_sklearn():
    np = package("numpy")
    package("sklearn")
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = np.random.RandomState(0).rand(40, 3)
    y = (x[:, 0] > 0.5).astype(int)
    values = {
        "regression": LogisticRegression(),
        "other regression": LogisticRegression(C=0.5),
        "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
        "other pipeline": make_pipeline(StandardScaler(), LogisticRegression(C=0.5)),
        "forest": RandomForestClassifier(5, random_state=0),
    }
    distinct(values)
    fitted = {name: pickle.loads(pickle.dumps(value)).fit(x, y) for name, value in values.items()}
    distinct({**values, **{f"{name}, fitted": value for name, value in fitted.items()}})
    before = encode(fitted["forest"])
    fitted["forest"].predict(x)
    assert encode(fitted["forest"]) == before


def test_images():
    package("PIL")
    from PIL import Image

    image = Image.new("RGB", (3, 3))
    other = image.copy()
    other.putpixel((1, 1), (9, 9, 9))
    distinct({"image": image, "other": other, "grey": image.convert("L"), "palette": image.convert("P")})
    file = io.BytesIO()
    image.save(file, "PNG")
    opened = [Image.open(io.BytesIO(file.getvalue())) for _ in range(2)]
    assert encode(opened[0]) == encode(opened[1])


def test_pydantic():
    pydantic = package("pydantic")

    class Model(pydantic.BaseModel):
        a: int = 1
        b: str = ""

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [Model.model_construct(a=1), Model.model_construct(a=2), Model.model_construct()]
    assert len({encode(model) for model in made}) == 3, "which fields were set can be seen"
    assert encode(Model.model_construct(a=1)) == encode(Model.model_construct(a=1))


def test_attrs():
    attrs = package("attrs")

    @attrs.define
    class Open:
        x: int
        y: list = attrs.field(factory=list)

    @attrs.frozen
    class Closed:
        x: int

    distinct({"1": Open(1), "2": Open(2), "closed": Closed(1)}, copied=False)
    assert encode(Open(1)) == encode(Open(1))


def test_tensors(monkeypatch):
    np = package("numpy")
    torch = types.ModuleType("torch")

    class Tensor:
        def __init__(self, array, device="cpu", requires_grad=False):
            self.array = array
            self.device = device
            self.requires_grad = requires_grad
            self.version = id(self)

        dtype = property(lambda self: f"torch.{self.array.dtype}")
        shape = property(lambda self: self.array.shape)

        def detach(self):
            return self

        cpu = contiguous = detach

        def numpy(self):
            return self.array

    Tensor.__module__, Tensor.__qualname__ = "torch", "Tensor"
    monkeypatch.setitem(sys.modules, "torch", torch)
    a = np.arange(6.0)
    assert encode(Tensor(a)) == encode(Tensor(a.copy()))
    others = [Tensor(a + 1), Tensor(a.reshape(2, 3)), Tensor(a, "cuda:0"), Tensor(a, requires_grad=True)]
    assert len({encode(tensor) for tensor in [Tensor(a), *others]}) == 5
