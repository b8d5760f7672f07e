"""Files that packages open in C or Rust, by paths that are put together inside the call."""

import os
import sys
import time

import pytest
from devstash import record, unaudited

pa = pytest.importorskip("pyarrow")
pandas = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
import pyarrow.csv  # noqa: E402
import pyarrow.dataset  # noqa: E402
import pyarrow.feather  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from pyarrow.parquet import read_table  # noqa: E402

TABLE = pa.table({"n": [1, 2]})
KEPT = {"read": pl.read_csv}


@pytest.fixture
def work(tmp_path, monkeypatch):
    (tmp_path / "store" / ".tmp").mkdir(parents=True)
    (tmp_path / "work" / "in").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    pq.write_table(TABLE, "in/x.parquet")
    pyarrow.feather.write_feather(TABLE, "in/x.feather")
    with open("in/x.csv", "w") as file:
        file.write("n\n1\n2\n")
    for name in os.listdir("in"):
        os.utime(f"in/{name}", (time.time() - 900,) * 2)
    return tmp_path


def recorded(function):
    seen = record.Record(os.path.abspath("../store"))
    seen.begin()
    try:
        function("in")
    finally:
        seen.end()
    assert seen.refusal() is None
    files = {row[1] for row in seen.trace() if row[0] == "file"}
    written = {os.path.relpath(row[1]) for row in seen.written.rows(os.path.abspath("../store")) if row[0] == "file"}
    return files, written


READERS = {
    "pq.read_table": ("x.parquet", lambda d: pq.read_table(f"{d}/x.parquet")),
    "from import": ("x.parquet", lambda d: read_table(f"{d}/x.parquet")),
    "ParquetFile": ("x.parquet", lambda d: pq.ParquetFile(f"{d}/x.parquet").read()),
    "OSFile": ("x.parquet", lambda d: pa.OSFile(f"{d}/x.parquet").read()),
    "OSFile mode": ("x.parquet", lambda d: pa.OSFile(f"{d}/x.parquet", mode="rb").read()),
    "memory_map": ("x.parquet", lambda d: pa.memory_map(f"{d}/x.parquet").read()),
    "feather": ("x.feather", lambda d: pyarrow.feather.read_table(f"{d}/x.feather")),
    "dataset": ("x.parquet", lambda d: pyarrow.dataset.dataset([f"{d}/x.parquet"]).to_table()),
    "arrow csv": ("x.csv", lambda d: pyarrow.csv.read_csv(f"{d}/x.csv")),
    "pandas": ("x.parquet", lambda d: pandas.read_parquet(f"{d}/x.parquet")),
    "polars csv": ("x.csv", lambda d: pl.read_csv(f"{d}/x.csv")),
    "polars kept": ("x.csv", lambda d: KEPT["read"](f"{d}/x.csv")),
    "polars scan": ("x.parquet", lambda d: pl.scan_parquet(f"{d}/x.parquet").collect()),
    "polars pattern": ("x.csv", lambda d: pl.read_csv(f"{d}/*.csv")),
}

WRITERS = {
    "pq.write_table": lambda d: pq.write_table(TABLE, f"{d}/new"),
    "OSFile": lambda d: pa.OSFile(f"{d}/new", "wb").close(),
    "feather": lambda d: pyarrow.feather.write_feather(TABLE, f"{d}/new"),
    "arrow csv": lambda d: pyarrow.csv.write_csv(TABLE, f"{d}/new"),
    "pandas": lambda d: pandas.DataFrame({"n": [1]}).to_parquet(f"{d}/new"),
    "polars csv": lambda d: pl.DataFrame({"n": [1]}).write_csv(f"{d}/new"),
    "polars parquet": lambda d: pl.DataFrame({"n": [1]}).write_parquet(f"{d}/new"),
    "polars sink": lambda d: pl.LazyFrame({"n": [1]}).sink_parquet(f"{d}/new"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_is_read(work, name):
    if name == "polars kept" and sys.version_info < (3, 12):
        pytest.skip("a function that is held in a container is not noticed before 3.12")
    file, read = READERS[name]
    assert recorded(read) == ({f"in/{file}"}, set())


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_is_written(work, name, old):
    if old:
        with open("in/new", "w") as file:
            file.write("old")
    assert recorded(WRITERS[name]) == (set(), {"in/new"})


def test_a_folder_that_is_read(work):
    os.mkdir("in/parts")
    pq.write_table(TABLE, "in/parts/1.parquet")
    files, _ = recorded(lambda d: pq.read_table(f"{d}/parts"))
    assert files == {"in/parts/1.parquet"}


def test_a_folder_that_is_written(work):
    _, written = recorded(lambda d: pq.write_to_dataset(TABLE, f"{d}/parts", partition_cols=["n"]))
    assert len(written) == 2


def test_a_folder_that_is_added_to_is_refused(work):
    os.mkdir("in/parts")
    with pytest.raises(AssertionError, match="into the folder"):
        recorded(lambda d: pq.write_to_dataset(TABLE, f"{d}/parts", partition_cols=["n"]))


def test_nothing_is_left_in_place(work):
    before = pa.OSFile, pa.memory_map, pq.read_table, pq.ParquetWriter.__init__, pl.read_csv
    during = []
    recorded(lambda d: during.append((pa.OSFile, isinstance(pa.OSFile(f"{d}/x.csv"), pa.OSFile))))
    assert during[0][0] is not before[0] and during[0][1]
    assert before == (pa.OSFile, pa.memory_map, pq.read_table, pq.ParquetWriter.__init__, pl.read_csv)
    assert not any(type(finder) is unaudited._Finder for finder in sys.meta_path)
