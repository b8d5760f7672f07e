"""What devstash leaves in the process of the script: its own modules and those its runtime needs, and nothing else."""

import json
import subprocess
import sys
import time

import pytest

SCRIPT = """
import sys
def f(n):
    return n
x = f(1)  # @devstash
names = sorted(sys.modules)
import json, os, threading, signal, gc, atexit, warnings
print(json.dumps({
    "modules": names,
    "threads": threading.active_count(),
    "descriptors": sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else [],
    "environment": dict(os.environ),
    "signals": [str(signal.getsignal(n)) for n in range(1, 32)],
    "filters": [str(entry[:1] + entry[2:3]) for entry in warnings.filters],
    "exits": atexit._ncallbacks(),
    "trace": [str(sys.gettrace()), str(sys.getprofile())],
    "path": sys.path,
    "meta": [str(finder).split(" at ")[0] for finder in sys.meta_path],
    "hooks": [str(hook).split(" at ")[0] for hook in sys.path_hooks],
    "callbacks": len(gc.callbacks),
    "cwd": os.getcwd(),
    "umask": os.umask(0o22),
    "builtins": sorted(vars(__builtins__)),
}))
"""

# Standard library modules that a hit may import. The C pickler brings functools and its family along on every Python.
RUNTIME_NEEDS = {
    "_pickle", "_compat_pickle", "copyreg", "functools", "_functools", "collections", "_collections", "operator",
    "_operator", "keyword", "reprlib", "itertools", "collections.abc", "heapq", "_heapq",
    "_blake2", "_struct", "_weakref", "_thread", "time", "marshal", "mmap", "errno", "gc", "types", "__future__",
    "opcode", "_opcode", "_opcode_metadata", "org", "org.python", "org.python.core",
}  # fmt: skip
# Not to be imported for a hit: each takes milliseconds.
SLOW = {
    "json",
    "re",
    "logging",
    "inspect",
    "typing",
    "dataclasses",
    "pathlib",
    "hashlib",
    "pickle",
    "tempfile",
    "ast",
}


def seen(outcome):
    assert (outcome.status, outcome.stderr) == (0, ""), outcome
    return json.loads(outcome.stdout)


def test_only_our_modules_are_added(stash):
    stash.write("s.py", SCRIPT)
    plain = seen(stash.plain("s.py"))
    stash.ok("s.py")
    second = seen(stash.run("s.py"))
    added = {name for name in set(second["modules"]) - set(plain["modules"]) if name.partition(".")[0] != "devstash"}
    assert set(plain["modules"]) <= set(second["modules"])
    assert not added & SLOW
    assert added <= RUNTIME_NEEDS


def test_nothing_else_is_different(stash):
    stash.write("s.py", SCRIPT)
    plain = seen(stash.plain("s.py"))
    for _ in range(2):
        with_us = seen(stash.run("s.py"))
        for part in sorted(set(plain) - {"modules", "builtins", "descriptors"}):
            assert with_us[part] == plain[part], part
        assert len(with_us["descriptors"]) == len(plain["descriptors"])
        assert [name for name in with_us["builtins"] if name not in plain["builtins"]] in (
            [],
            ["@devstash"],
        )


def test_script_without_markers_gets_nothing(stash):
    stash.write("s.py", SCRIPT.replace("  # @devstash", ""))
    assert stash.run("s.py").raw == stash.plain("s.py").raw


def test_no_process_stays_and_no_file_is_left_beside_the_script(stash):
    stash.write("s.py", 'x = len("abc")  # @devstash\nprint(x)\n')
    stash.twice("s.py")
    assert sorted(path.name for path in stash.folder.iterdir()) == [".devstash_cache", "s.py"]


@pytest.mark.xfail(sys.version_info[:2] == (3, 12), reason="3.12 tells tracers of a marked line twice", strict=True)
def test_coverage_at_process_start(stash):
    """`COVERAGE_PROCESS_START` with a sitecustomize measures the script under its own name, marked lines included.

    What coverage measures besides, our runtime in the user's cache folder, is no concern of the script's.
    """
    stash.write("lib/sitecustomize.py", "import coverage\ncoverage.process_startup()\n")
    stash.write("rc", "[run]\nbranch = True\nparallel = False\ndata_file = ${DATA}\n")
    stash.write(
        "s.py",
        """
        def f(n):
            return n

        def g(n):
            x = f(n)  # @devstash refresh
            if x:
                return 1
            return 2

        print(g(1), [f(i) for i in range(2)])  # @devstash refresh
        """,
    )
    env = {"COVERAGE_PROCESS_START": str(stash.folder / "rc"), "PYTHONPATH": str(stash.folder / "lib")}

    def measured(name, run):
        data = stash.folder / name
        outcome = run("s.py", env={**env, "DATA": str(data)})
        assert (outcome.status, outcome.stdout) == (0, "1 [0, 1]\n"), outcome
        code = (
            "import coverage, sys; d = coverage.CoverageData(sys.argv[1]); d.read();"
            "print([(f.rpartition('/')[2], sorted(d.arcs(f))) for f in sorted(d.measured_files()) if f.endswith('/s.py')])"
        )
        return subprocess.check_output([sys.executable, "-c", code, str(data)], universal_newlines=True)

    plain = measured("plain", stash.plain)
    assert "s.py" in plain
    assert measured("first", stash.run) == plain
    assert measured("second", stash.run) == plain


def test_profilers_see_the_script(stash):
    stash.write(
        "s.py",
        """
        import sys
        seen = []
        def f(n):
            return n
        def tracer(frame, event, arg):
            if frame.f_code.co_filename == __file__:
                seen.append((event, frame.f_lineno, frame.f_code.co_name))
                return tracer
        sys.settrace(tracer)
        def g():
            y = 1
            x = f(2)  # @devstash refresh
            return x
        g()
        sys.settrace(None)
        print(seen)
        """,
    )
    plain = stash.plain("s.py")
    for _ in range(2):
        assert stash.run("s.py").raw == plain.raw


def test_a_hit_on_an_object_and_a_file_imports_nothing_large(stash):
    """Small values are keyed and read without the pickle module, and methods were read when the script was rewritten."""
    stash.write("in.txt", "some words")
    stash.write(
        "s.py",
        """
        import sys
        class Base:
            def words(self, text):
                return text.split()
        class Loader(Base):
            def __init__(self, path):
                self.path = path
            def load(self, limits):
                with open(self.path) as file:
                    return self.words(file.read())[: limits["most"]]
        print(Loader("in.txt").load({"most": 5}))  # @devstash
        print(*sorted(name for name in sys.modules if not name.startswith("devstash")))
        """,
    )
    plain = set(stash.plain("s.py").stdout.splitlines()[1].split())
    time.sleep(0.1)  # a file that was just written is looked at more closely
    stash.ok("s.py")
    printed, modules = stash.ok("s.py").splitlines()
    assert printed == "['some', 'words']"
    large = {"pickle", "_pickle", "functools", "collections", "types", "opcode", "enum", "re", "json", "dis", "copy"}
    assert not (set(modules.split()) - plain) & large
