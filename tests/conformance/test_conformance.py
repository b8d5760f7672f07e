"""Every scenario of scenarios/, played with devstash: what must hit does, what must not does not."""

import importlib.util
import os
import sys

import pytest
from harness import base_environment, binary
from player import play
from scenario import holds, load_all

SCENARIOS = load_all()


class Devstash:
    """devstash itself, under the Python that runs the tests."""

    strict = True

    def __init__(self, home):
        self.home = home

    def script(self, text):
        return text

    tally = script

    def environment(self, root):
        return base_environment(self.home)

    def argv(self, script, args):
        return [binary(), "run", "--python", sys.executable, script, *args]

    def age(self, folder, seconds):
        for path in (folder / ".devstash_cache").glob("*.pkl"):
            now = path.stat()
            os.utime(path, (now.st_atime - seconds, now.st_mtime - seconds))


def parameter(scenario):
    """Expected to fail where the scenario itself says so, and then it must."""
    marks = [pytest.mark.xfail(reason=scenario.open, strict=True)] if scenario.open else []
    return pytest.param(scenario, id=scenario.id, marks=marks)


@pytest.mark.parametrize("scenario", [parameter(scenario) for scenario in SCENARIOS])
def test_scenario(scenario, home, tmp_path):
    if not holds(scenario.python, sys.version_info[:2]):
        pytest.skip(f"for Python {scenario.python}")
    for package in scenario.packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}")
    fault = play(scenario, Devstash(home), tmp_path)
    assert fault is None, f"{scenario.theme}.txt:{scenario.line}: {fault}"


def test_there_are_enough():
    assert len(SCENARIOS) >= 120
    assert all(len(scenario.runs) >= 2 for scenario in SCENARIOS)
