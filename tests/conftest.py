"""What all Python tests share: none of them sees the real home folder, nor a variable meant for another devstash."""

import os
import zlib

import pytest
from harness import Stash, base_environment

# Read before the tests' environment is cleared of DEVSTASH_*.
_SHARE = os.environ.get("DEVSTASH_SHARE", "")
_COMMANDS = os.environ.get("DEVSTASH_SHARE_OF_COMMANDS", _SHARE)


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A home folder for the whole session, so that the runtime is unpacked once and not once per test."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _no_real_home(monkeypatch, home):
    """Whatever a test starts or calls in this process, it sees the session's home."""
    environment = base_environment(home)
    for name in os.environ:
        if name.startswith(("DEVSTASH_", "XDG_", "PYTHON")) and name not in environment:
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def stash(tmp_path, home):
    """A folder with scripts, and devstash to run them. See harness.Stash."""
    return Stash(tmp_path / "work", home)


def pytest_collection_modifyitems(config, items):
    """Keep a share of the tests, as ./dev asks for it on some Pythons: `2/3` is the second of three equal parts."""
    kept = [item for item in items if _is_in(item, _COMMANDS if item.get_closest_marker("commands") else _SHARE)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def _is_in(item, share):
    number, _, parts = share.partition("/")
    return not share or zlib.crc32(item.nodeid.encode()) % int(parts) == int(number) - 1
