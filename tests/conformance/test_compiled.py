"""A compiled module of the project counts by its file: what its functions do can be told from nothing else."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from player import Folder
from scenario import Change, Run
from test_conformance import Devstash

SOURCE = """
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *scale(PyObject *self, PyObject *argument)
{
    return PyLong_FromLong(PyLong_AsLong(argument) * FACTOR);
}

static PyMethodDef methods[] = {{"scale", scale, METH_O, "Scale."}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", NULL, -1, methods};
PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }
"""

IMPORTS = {
    "by its name": ("import fast", "fast.scale(x)"),
    "from it": ("from fast import scale", "scale(x)"),
    "under another name": ("from fast import scale as times", "times(x)"),
    "inside": ("", "__import__('fast').scale(x)"),
    "inside, by a statement": ("", "inner(x)"),
    "through another module": ("import helper", "helper.help(x)"),
    "as an argument": ("import fast", "use(fast.scale, x)"),
}
SCRIPT = """
from tally import ran
{imported}

def inner(x):
    from fast import scale
    return scale(x)

def use(function, x):
    return function(x)

def work(x):
    ran("work")
    return {called}

out = work(3)  # @devstash
print(out)
"""


def build(folder, factor):
    compiler = shutil.which("cc")
    headers = sysconfig.get_paths()["include"]
    if compiler is None or not (Path(headers) / "Python.h").exists():
        pytest.skip("needs a C compiler and Python's headers")
    target = folder / ("fast" + sysconfig.get_config_var("EXT_SUFFIX"))
    source = folder.parent / "fast.c"
    source.write_text(SOURCE)
    if target.exists():
        target.unlink()
    option = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    argv = [compiler, "-shared", "-fPIC", f"-DFACTOR={factor}", f"-I{headers}", *option, "-o", target, source]
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("how", IMPORTS)
def test_a_compiled_module_counts_by_its_file(how, home, tmp_path):
    folder = Folder(tmp_path, Devstash(home))
    imported, called = IMPORTS[how]
    folder.change(Change("write", "main.py", SCRIPT.format(imported=imported, called=called)))
    folder.change(Change("write", "helper.py", "import fast\n\ndef help(x):\n    return fast.scale(x)\n"))
    seen = []
    for factor in (2, 2, 5, 2):
        build(folder.work, factor)
        ran, done = folder.run(Run())
        assert (done.returncode, done.stderr) == (0, b"")
        seen.append((done.stdout, ran))
    assert seen == [(b"6\n", ["work"]), (b"6\n", []), (b"15\n", ["work"]), (b"6\n", [])]
