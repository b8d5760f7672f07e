"""`uv run devstash run s.py` and `poetry run devstash run s.py` use the environment of the project."""

import os
import subprocess
import sys

import pytest
from harness import binary, tool

SCRIPT = """
import os, sys
counter = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
def f(n):
    os.write(counter, b"f\\n")
    return n
x = f(1)  # @devstash
print(x, sys.prefix)
"""

PROJECT = """
[project]
name = "example"
version = "0.1.0"
requires-python = ">=3.9"
dependencies = []

[tool.poetry]
package-mode = false
"""


@pytest.fixture
def project(stash, tmp_path):
    """A project whose environment is its own .venv, with devstash on PATH as an installed command."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    os.symlink(binary(), bin_folder / "devstash")
    stash.env["PATH"] = f"{bin_folder}{os.pathsep}{stash.env['PATH']}"
    stash.write("pyproject.toml", PROJECT)
    stash.write("sub/s.py", SCRIPT)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(stash.folder / ".venv")], check=True)
    return stash


def check(project, *argv, env):
    for _ in range(2):
        outcome = project.command(*argv, "devstash", "run", "sub/s.py", env=env, timeout=300)
        assert outcome.status == 0, outcome
        number, prefix = outcome.stdout.split()
        assert number == "1"
        assert os.path.realpath(prefix) == os.path.realpath(project.folder / ".venv")
    assert project.executions() == ["f"]


def test_uv_run(project):
    env = {"UV_OFFLINE": "1", "UV_NO_MANAGED_PYTHON": "1", "UV_CACHE_DIR": str(project.folder / "uv-cache")}
    check(project, tool("uv"), "run", "--quiet", "--python", sys.executable, env=env)


def test_poetry_run(project):
    env = {
        "POETRY_VIRTUALENVS_IN_PROJECT": "true",
        "POETRY_VIRTUALENVS_CREATE": "true",
        "POETRY_NO_INTERACTION": "1",
        "POETRY_CACHE_DIR": str(project.folder / "poetry-cache"),
        "POETRY_CONFIG_DIR": str(project.folder / "poetry-config"),
    }
    check(project, tool("poetry"), "run", env=env)
