"""Settings whose effect shows only with packages: how large arrays are brought in."""

import sys

import pytest

SCRIPT = """
import numpy
def f(n):
    return numpy.zeros(n)
x = f(1 << 20)  # @devstash {}
print("__main____f__" in open("/proc/self/maps").read())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process has mapped")
def test_load_of_a_project(stash):
    def mapped(project, marker=""):
        stash.write("pyproject.toml", f"[tool.devstash]\n{project}\n")
        stash.write("s.py", SCRIPT.format(marker))
        return stash.ok("s.py") == "True\n"

    mapped("")
    assert mapped("")
    assert not mapped('load = "copy"')
    assert mapped('load = "copy"', "load=map")
    assert not mapped('load = "map"', "load=copy")
