"""Files that packages write: there again after a hit."""

import shutil

import pytest

WAYS = {
    "to_csv": ("pandas", 'pandas.DataFrame({"a": [1, 2]}).to_csv("out/t.csv", index=False)'),
    "to_json": ("pandas", 'pandas.DataFrame({"a": [1, 2]}).to_json("out/t.json")'),
    "to_pickle": ("pandas", 'pandas.DataFrame({"a": [1, 2]}).to_pickle("out/t.pkl")'),
    "to_parquet": ("pandas", 'pandas.DataFrame({"a": [1, 2]}).to_parquet("out/t.parquet", engine="pyarrow")'),
    "save": ("numpy", 'numpy.save("out/a.npy", numpy.arange(1000))'),
    "savez": ("numpy", 'numpy.savez("out/a.npz", a=numpy.arange(1000))'),
    "savetxt": ("numpy", 'numpy.savetxt("out/a.txt", numpy.arange(10))'),
    "tofile": ("numpy", 'numpy.arange(10).tofile("out/a.raw")'),
    "memmap": ("numpy", 'numpy.memmap("out/a.map", "int64", "w+", shape=9)[:] = 7'),
    "joblib": ("joblib", 'joblib.dump({"a": 1}, "out/a.joblib")'),
    "pillow": ("PIL.Image", 'PIL.Image.new("RGB", (4, 4), "red").save("out/a.png")'),
    "pyarrow": (
        "pyarrow.parquet",
        'os.makedirs("out/set", exist_ok=True); '
        'pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), "out/set/a.parquet")',
    ),
    "polars": (
        "polars",
        'os.makedirs("out/set", exist_ok=True); polars.DataFrame({"a": [1]}).write_parquet("out/set/a.parquet")',
    ),
    "sqlite": (
        "pandas",
        'base = sqlite3.connect("out/x.db"); '
        'pandas.DataFrame({"a": [1, 2]}).to_sql("t", base, if_exists="replace"); base.close()',
    ),
}
SCRIPT = """
import os, sqlite3
import {module}
LOG = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.makedirs("out", exist_ok=True)

def work():
    os.write(LOG, b"ran\\n")
    {body}

work()  # @devstash
"""


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("way", WAYS)
def test_written_files_come_back(stash, way):
    module, body = WAYS[way]
    pytest.importorskip(module)
    stash.write("s.py", SCRIPT.format(module=module, body=body))
    out = stash.folder / "out"
    stash.ok("s.py")
    first = contents(out)
    assert first
    shutil.rmtree(out)
    stash.ok("s.py")
    assert contents(out) == first
    assert stash.executions() == ["ran"]
