"""Trouble in the store: a miss with its reason and one warning, the right result, and never a crash."""

import marshal
import os
import pickle
import resource
import shutil
import signal
import subprocess
import time

import pytest
from harness import without_privileges

SCRIPT = """
def f(n):
    log(n)
    return ["value", n, b"x" * 40000]

value = f(1)  # @devstash
print(value[:2], len(value[2]))
"""

EXPECTED = "['value', 1] 40000\n"


@pytest.fixture
def stored(stash):
    stash.write("s.py", SCRIPT, log=True)
    assert stash.ok("s.py") == EXPECTED
    assert stash.ok("s.py") == EXPECTED
    assert stash.executions() == ["1"]
    return stash


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def flip(where):
    def damage(data):
        index = where(len(data))
        return data[:index] + bytes([data[index] ^ 0x40]) + data[index + 1 :]

    return damage


DAMAGE = {
    "empty": lambda data: b"",
    "one byte": lambda data: data[:1],
    "cut in half": lambda data: data[: len(data) // 2],
    "last byte gone": lambda data: data[:-1],
    "footer gone": lambda data: data[:-96],
    "footer only": lambda data: data[-96:],
    "byte added": lambda data: data + b"\0",
    "byte before": lambda data: b"\0" + data,
    "doubled": lambda data: data + data,
    "garbage": lambda data: os.urandom(len(data)),
    "zeros": lambda data: bytes(len(data)),
    "text": lambda data: b"hello\n",
    "plain pickle": lambda data: pickle.dumps(["value", 1, b"forged"]),
    "forged stream": lambda data: data.replace(b"value", b"VALUE"),
    "first bit": flip(lambda n: 0),
    "bit in the stream": flip(lambda n: 30),
    "bit in the middle": flip(lambda n: n // 2),
    "bit in the manifest": flip(lambda n: n - 300),
    "bit in the tag": flip(lambda n: n - 30),
    "bit in the magic": flip(lambda n: n - 1),
    "bit in the offsets": flip(lambda n: n - 90),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_entry_is_a_miss_with_one_warning(stored, name):
    entry = stored.entry()
    good = entry.read_bytes()
    entry.write_bytes(DAMAGE[name](good))
    outcome = stored.run("s.py")
    assert (outcome.stdout, outcome.status) == (EXPECTED, 0), outcome
    assert len(outcome.stderr.splitlines()) == 1, outcome
    assert "s.py:" in outcome.stderr and "miss" in outcome.stderr
    assert stored.executions() == ["1", "1"]
    # The entry has been replaced by a good one.
    assert stored.ok("s.py") == EXPECTED
    assert stored.executions() == ["1", "1"]


def test_every_truncation_is_survived(stored):
    entry = stored.entry()
    good = entry.read_bytes()
    lengths = sorted({*range(0, len(good), max(1, len(good) // 12)), len(good) - 95, len(good) - 8})
    for length in lengths:
        entry.write_bytes(good[:length])
        outcome = stored.run("s.py", options=["-q"])
        assert outcome.raw == (EXPECTED.encode(), b"", 0), length


def test_entry_with_a_future_format(stored):
    entry = stored.entry()
    data = bytearray(entry.read_bytes())
    # The format number stands before the magic; wherever it is exactly, no later format may be guessed at.
    position = data.rindex((1).to_bytes(4, "little"), len(data) - 96)
    data[position : position + 4] = (99).to_bytes(4, "little")
    entry.write_bytes(bytes(data))
    outcome = stored.run("s.py")
    assert (outcome.stdout, outcome.status) == (EXPECTED, 0)
    assert "format" in outcome.stderr
    assert stored.ok("s.py") == EXPECTED


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_folder_of_a_future_format_is_left_alone(stored):
    (stored.cache / "format").write_text("99\n")
    before = contents(stored.cache)
    outcome = stored.run("s.py")
    assert (outcome.stdout, outcome.status) == (EXPECTED, 0)
    assert "format" in outcome.stderr
    assert contents(stored.cache) == before


def test_entry_signed_by_somebody_else_is_never_loaded(stored, tmp_path):
    """A cache folder from another machine: its entries do not carry this user's tag."""
    other = {"XDG_DATA_HOME": str(tmp_path / "other")}
    outcome = stored.run("s.py", env=other)
    assert (outcome.stdout, outcome.status) == (EXPECTED, 0)
    assert len(outcome.stderr.splitlines()) == 1
    assert stored.executions() == ["1", "1"]
    assert stored.run("s.py", env=other).stderr == ""


def test_planted_pickle_is_never_executed(stored):
    entry = stored.entry()
    good = entry.read_bytes()
    bomb = pickle.dumps(Bomb(str(stored.folder / "exploded")))
    for planted in (bomb, bomb + good[len(bomb) :], bomb + good):
        entry.write_bytes(planted)
        outcome = stored.run("s.py")
        assert (outcome.stdout, outcome.status) == (EXPECTED, 0)
    assert not (stored.folder / "exploded").exists()


def test_entry_of_another_key_under_this_name(stash):
    stash.write("s.py", "def f(n):\n    log(n)\n    return n * 2\nprint(f(1), f(2))  # @devstash\n", log=True)
    stash.ok("s.py")
    one, two = stash.entries()
    shutil.copy(one, two)
    outcome = stash.run("s.py")
    assert (outcome.stdout, outcome.status) == ("2 4\n", 0)
    assert len(outcome.stderr.splitlines()) == 1
    assert stash.ok("s.py") == "2 4\n"


def test_unreadable_entry(stored):
    stored.entry().chmod(0)
    drop = without_privileges(stored.entry())
    outcome = stored.run("s.py", preexec_fn=drop)
    assert (outcome.stdout, outcome.status) == (EXPECTED, 0)
    assert len(outcome.stderr.splitlines()) == 1
    assert stored.executions() == ["1", "1"]
    assert stored.ok("s.py", preexec_fn=drop) == EXPECTED
    assert stored.executions() == ["1", "1"]


def test_entry_that_is_a_folder(stored):
    entry = stored.entry()
    entry.unlink()
    entry.mkdir()
    outcome = stored.run("s.py")
    assert (outcome.stdout, outcome.status) == (EXPECTED, 0)
    assert outcome.stderr.count("\n") <= 2


def test_entry_that_is_a_dangling_link(stored):
    entry = stored.entry()
    entry.unlink()
    entry.symlink_to(stored.folder / "nowhere")
    assert stored.run("s.py").stdout == EXPECTED
    assert not (stored.folder / "nowhere").exists()
    assert stored.run("s.py").stdout == EXPECTED


def test_entry_of_another_user_is_refused(stored):
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    os.chown(stored.entry(), 12345, 12345)
    outcome = stored.run("s.py")
    assert (outcome.stdout, outcome.status) == (EXPECTED, 0)
    assert len(outcome.stderr.splitlines()) == 1
    assert stored.executions() == ["1", "1"]


@pytest.mark.parametrize("where", ["file", "dangling link", "unwritable"])
def test_cache_folder_that_cannot_be(stash, where):
    stash.write("s.py", SCRIPT, log=True)
    drop = None
    if where == "file":
        stash.cache.write_text("not a folder")
    elif where == "dangling link":
        stash.cache.symlink_to(stash.folder / "no" / "where")
    else:
        stash.cache.mkdir(mode=0o500)
        drop = without_privileges(stash.cache)
    for _ in range(2):
        outcome = stash.run("s.py", preexec_fn=drop)
        assert (outcome.stdout, outcome.status) == (EXPECTED, 0), outcome
        assert len(outcome.stderr.splitlines()) == 1, outcome


def test_cache_folder_in_a_place_without_permission(stash):
    stash.write("s.py", SCRIPT, log=True)
    outcome = stash.run("s.py", options=["--cache-dir", "/proc/devstash"])
    assert (outcome.stdout, outcome.status) == (EXPECTED, 0), outcome
    assert len(outcome.stderr.splitlines()) == 1


def test_exit_status_is_the_scripts_own_whatever_the_trouble(stash):
    stash.write("s.py", "import sys\nx = len('abc')  # @devstash\nsys.exit(x)\n")
    assert stash.run("s.py", options=["--cache-dir", "/proc/devstash"]).status == 3


def test_file_size_limit(stash):
    stash.write("s.py", SCRIPT.replace("40000", "4000000"), log=True)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    stash.ok("s.py", options=["--no-cache"])  # the byte-code is there, only the entry is too large
    outcome = stash.run("s.py", preexec_fn=limit)
    assert (outcome.stdout, outcome.status) == ("['value', 1] 4000000\n", 0), outcome
    assert len(outcome.stderr.splitlines()) == 1, outcome
    assert stash.entries() == []
    assert stash.left_over() == []
    assert stash.ok("s.py") == "['value', 1] 4000000\n"
    assert len(stash.entries()) == 1


def test_disk_full(stash):
    """/dev/full is no folder, so a file system of its own is needed for this one."""
    mount = stash.folder / "small"
    mount.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)], stderr=subprocess.DEVNULL)
    if made.returncode != 0:
        pytest.skip("no small file system can be mounted here")
    try:
        stash.write("s.py", SCRIPT.replace("40000", "400000"), log=True)
        outcome = stash.run("s.py", options=["--cache-dir", mount / "cache"])
        assert (outcome.stdout, outcome.status) == ("['value', 1] 400000\n", 0), outcome
        assert len(outcome.stderr.splitlines()) == 1, outcome
        assert not list((mount / "cache").glob("*.pkl"))
        assert stash.left_over(mount / "cache") == []
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_killed_while_storing_leaves_nothing_half_written(stash):
    """SIGKILL at many instants of a store: afterwards there is a whole entry or none."""
    stash.write(
        "s.py",
        """
        def f(n):
            return [bytes([i % 256]) * 1000 for i in range(n)]
        print("before", flush=True)
        x = f(20000)  # @devstash
        print(len(x), x[300][0], flush=True)
        """,
    )
    stash.ok("s.py", options=["--no-cache"])
    for step in range(12):
        process = subprocess.Popen(
            stash.argv("s.py"), cwd=stash.folder, env=stash.environment(), stdout=subprocess.PIPE
        )
        process.stdout.readline()
        time.sleep(0.004 * step)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for entry in stash.entries():
            assert len(pickle.loads(entry.read_bytes())) == 20000
        outcome = stash.run("s.py")
        assert outcome.raw == (b"before\n20000 44\n", b"", 0)
        for entry in stash.entries():
            entry.unlink()


def test_left_over_temporary_files_are_no_entries(stored):
    (stored.cache / ".tmp-1-abc").write_bytes(b"half")
    listed = stored.devstash("list").stdout
    assert ".tmp" not in listed
    assert stored.ok("s.py") == EXPECTED


def test_cache_folder_removed_while_running(stash):
    stash.write(
        "s.py",
        """
        import shutil
        def f(n):
            return n
        a = f(1)  # @devstash
        shutil.rmtree(".devstash_cache")
        b = f(2)  # @devstash
        print(a, b)
        """,
    )
    for _ in range(2):
        outcome = stash.run("s.py")
        assert (outcome.stdout, outcome.status) == ("1 2\n", 0), outcome


def test_broken_code_cache_of_the_user(stash):
    """The unpacked runtime and stored byte-code are only a cache as well."""
    home = stash.folder / "home"
    env = {"XDG_CACHE_HOME": str(home)}
    stash.write("s.py", SCRIPT, log=True)
    stash.ok("s.py", env=env)
    for suffix in (".pyc", ".plan", ".json"):
        for path in home.rglob("*" + suffix):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        outcome = stash.run("s.py", env=env)
        assert (outcome.stdout, outcome.status) == (EXPECTED, 0), (suffix, outcome)
    shutil.rmtree(home)
    assert stash.ok("s.py", env=env) == EXPECTED


def test_a_value_whose_class_is_gone_is_a_miss(stash):
    stash.write("shapes.py", "class Square:\n    def __init__(self, n):\n        self.n = n\n")
    text = "import shapes\ndef f(n):\n    log(n)\n    return shapes.{}(n)\nprint(f(1).n)  # @devstash key=1\n"
    stash.write("s.py", text.format("Square"), log=True)
    assert stash.ok("s.py") == "1\n"
    stash.write("shapes.py", "class Disc:\n    def __init__(self, n):\n        self.n = n\n")
    stash.write("s.py", text.format("Disc"), log=True)
    outcome = stash.run("s.py")
    assert (outcome.stdout, outcome.status) == ("1\n", 0)


def test_loading_that_raises_is_a_miss(stash):
    stash.write(
        "s.py",
        """
        import sys
        class Fragile:
            def __init__(self, n):
                self.n = n
            def __setstate__(self, state):
                import os
                if os.environ.get("FRAGILE"):
                    raise RuntimeError("cannot be restored")
                self.__dict__.update(state)
        def f(n):
            log(n)
            return Fragile(n)
        print(f(1).n)  # @devstash
        """,
        log=True,
    )
    assert stash.ok("s.py") == "1\n"
    outcome = stash.run("s.py", env={"FRAGILE": "1"})
    assert (outcome.stdout, outcome.status) == ("1\n", 0)
    # Two things are told: that the entry could not be loaded, and that a new one could not be either.
    assert outcome.stderr.count("cannot be restored") == len(outcome.stderr.splitlines()) <= 2
    assert stash.executions() == ["1", "1"]


@pytest.mark.parametrize("file", ["core", "rest"])
@pytest.mark.parametrize("trouble", ["gone", "empty", "cut", "nonsense", "all byte-code gone", "old"])
def test_trouble_with_our_own_byte_code_costs_nothing_but_time(stash, file, trouble, tmp_path):
    """The modules that every run needs lie in one file, what objects need in another; the sources are always there."""
    stash.write(
        "s.py",
        "import sys\nclass K:\n    n = 1\n    def f(self, names):\n        log('f')\n        return self.n + 1\n"
        "x = K().f(['a'])  # @devstash\nprint(x, sys.path[0][-3:])\n",
        log=True,
    )
    env = {"XDG_CACHE_HOME": str(tmp_path / "caches"), "PYTHONDONTWRITEBYTECODE": "1"}
    expected = stash.run("s.py", env=env)
    assert expected.stderr == "" and expected.status == 0
    (core,) = (tmp_path / "caches" / "devstash").glob(f"*/devstash/__pycache__/{file}.cpython-*")
    data = core.read_bytes()
    if trouble == "gone":
        core.unlink()
    elif trouble == "all byte-code gone":
        shutil.rmtree(core.parent)
    else:
        core.write_bytes(
            {"empty": b"", "cut": data[: len(data) // 2], "nonsense": b"\xff" * 100, "old": marshal.dumps(1)}[trouble]
        )
    for _ in range(2):
        assert stash.run("s.py", env=env).raw == expected.raw
    assert stash.executions() == ["f"]
    stash.write("s.py", "print('another script')\nx = len('abc')  # @devstash\n")
    assert stash.run("s.py", env=env).raw == (b"another script\n", b"", 0)


def test_modules_are_loaded_from_the_one_file(stash, tmp_path):
    """What a miss needs is taken from it: neither the sources nor their own byte-code are looked at."""
    stash.write(
        "s.py", "import sys\ndef f(n):\n    log(n)\n    return [n]\nprint(f(sys.argv[1]))  # @devstash\n", log=True
    )
    env = {"XDG_CACHE_HOME": str(tmp_path / "caches"), "PYTHONDONTWRITEBYTECODE": "1"}
    assert stash.run("s.py", "1", env=env).stdout == "['1']\n"
    (package,) = (tmp_path / "caches" / "devstash").glob("*/devstash")
    for source in package.glob("*.py"):
        source.write_text("raise SystemExit('a source was executed')\n")
    for code in (package / "__pycache__").iterdir():
        if code.name.split(".")[0] not in ("core", "rest"):
            code.unlink()
    for argument in ("2", "2", "1"):
        assert stash.run("s.py", argument, env=env).raw == (f"['{argument}']\n".encode(), b"", 0)
    assert stash.executions() == ["1", "2"]
