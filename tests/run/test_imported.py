"""Markers in the modules that a script imports: they work as in the script, and nothing else changes."""

import os
import shutil
import subprocess
import sys
import textwrap

import pytest
from harness import binary

FEATURES = """
def clean(n):
    log("clean")
    return [n] * 2

def both(n):
    first = clean(n)  # @devstash
    return first + [n]

def marked(n):  # @devstash
    log("marked")
    return n + 1
"""

# The script's `log`, for modules.
LOG = """
import builtins
builtins.log = log
"""


@pytest.fixture
def project(stash):
    """A script that says something of devstash, and a module of the project."""
    stash.write("s.py", LOG + "import features\nprint(features.both(3), features.marked(4))  # devstash\n", log=True)
    stash.write("features.py", FEATURES)
    return stash


def runs(stash, *options, count=2):
    """What each run printed, and what it executed."""
    found = []
    for _ in range(count):
        stash.forget()
        found.append((stash.ok("s.py", options=options), stash.executions()))
    return found


def test_calls_and_functions_of_a_module(project):
    printed = "[3, 3, 3] 5\n"
    assert runs(project) == [(printed, ["clean", "marked"]), (printed, [])]
    assert [path.name[:-21] for path in project.entries()] == ["features__clean_", "features__marked_"]


def test_an_edit_of_the_module_counts_and_a_comment_does_not(project):
    runs(project)
    project.write("features.py", "# a comment\n" + FEATURES)
    assert runs(project, count=1) == [("[3, 3, 3] 5\n", [])]
    project.write("features.py", FEATURES.replace("n + 1", "n + 2"))
    assert runs(project) == [("[3, 3, 3] 6\n", ["marked"]), ("[3, 3, 3] 6\n", [])]
    project.write("features.py", FEATURES.replace("[n] * 2", "[n] * 3"))
    assert runs(project) == [("[3, 3, 3, 3] 5\n", ["clean"]), ("[3, 3, 3, 3] 5\n", [])]


def test_messages_name_the_module(project):
    outcome = project.run("s.py", options=["-v"])
    assert "devstash: features.py:7: stored clean\n" in outcome.stderr
    assert "devstash: features.py:10: hit marked\n" in project.run("s.py", options=["-v"]).stderr


def test_without_cache_modules_are_left_alone(project):
    assert runs(project, "--no-cache") == [("[3, 3, 3] 5\n", ["clean", "marked"])] * 2


def remembered(stash):
    """What is remembered of modules, those of other tests included."""
    return set(stash.home.rglob("modules/*/*"))


PACKAGE = {
    "package/__init__.py": '"""A package."""\nfrom .one import VALUE, f\nimport package.two as two\n',
    "package/one.py": """
        from __future__ import annotations
        from . import two

        def f(n: int) -> int:
            log("f")
            return n + 1

        VALUE = f(1)  # @devstash

        class Thing:
            '''A thing.'''
            def __init__(self, n):
                self.n = n

            def times(self, k):  # @devstash
                log("times")
                return self.n * k

            def fails(self):
                x = f(self.n)  # @devstash
                return x / (self.n - self.n)
        """,
    "package/two.py": "from . import one\ndef value():\n    return one.VALUE\n",
    "space/inner/three.py": "def g(n):  # @devstash\n    log('g')\n    return n\n",
}


def test_packages_circles_and_namespaces(stash):
    """All that can be seen of the modules is as in plain Python."""
    for name, text in PACKAGE.items():
        stash.write(name, text)
    stash.write(
        "s.py",
        LOG
        + textwrap.dedent(
            """
            import inspect, sys, traceback
            import package
            from package import one, two
            from space.inner import three
            def seen(module):
                return [sorted(vars(module)), module.__file__, module.__cached__, module.__doc__, module.__package__,
                        type(module.__loader__), module.__spec__.origin, type(module.__spec__.loader)]
            for module in (package, one, two, three):
                print(seen(module))
            print(package.f(5), two.value(), one.Thing(3).times(4), three.g(7))
            print(inspect.getsource(one.Thing.fails), one.Thing.__doc__, inspect.signature(one.Thing.times))
            print(one.f.__annotations__, one.f.__code__.co_filename, one.Thing.times.__code__.co_firstlineno)
            try:
                one.Thing(2).fails()
            except ZeroDivisionError:
                traceback.print_exc(file=sys.stdout)
            print(sys.meta_path, sys.path_hooks, list(sys.path_importer_cache), len(sys.modules) > 10)
            x = package.f(9)  # @devstash
            """
        ),
        log=True,
    )
    expected = stash.plain("s.py", env={"PYTHONDONTWRITEBYTECODE": "1"})
    stash.forget()
    for executed in (["f", "f", "times", "g", "f", "f"], ["f"]):
        outcome = stash.run("s.py")
        without_ids = [line for line in outcome.stdout.splitlines() if "FileFinder" not in line]
        assert without_ids == [line for line in expected.stdout.splitlines() if "FileFinder" not in line]
        assert (outcome.stderr, outcome.status) == ("", 0)
        assert stash.executions() == executed
        stash.forget()


def test_reload_takes_the_new_text(stash):
    stash.write("module.py", "def f():  # @devstash\n    log('old')\n    return 'old'\n")
    printed, first, second = stash.script_twice(
        LOG
        + textwrap.dedent(
            """
            import importlib, os, module  # devstash
            print(module.f())
            with open("module.py") as file:
                old = file.read()
            with open("module.py", "w") as file:
                file.write(old.replace("old", "newer"))
            importlib.reload(module)
            print(module.f())
            with open("module.py", "w") as file:
                file.write(old)
            importlib.reload(module)
            print(module.f())
            """
        )
    )
    assert printed == "old\nnewer\nold\n"
    assert (first, second) == (["old", "newer"], [])


def test_a_module_loaded_by_its_path(stash):
    stash.write("parts/odd name.py", "def f():  # @devstash\n    log('f')\n    return __name__\n")
    printed, first, second = stash.script_twice(
        LOG
        + textwrap.dedent(
            """
            import importlib.util  # devstash
            spec = importlib.util.spec_from_file_location("odd", "parts/odd name.py")
            odd = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(odd)
            print(odd.f())
            """
        )
    )
    assert (printed, first, second) == ("odd\n", ["f"], [])


def test_faulty_markers_are_drawn_where_the_module_is_imported(project):
    project.write("features.py", "def f():\n    return g(1)  # @devstash tll=3d\n")
    outcome = project.run("s.py")
    line = 1 + (project.folder / "s.py").read_text().splitlines().index("import features")
    assert outcome.stderr == (
        "Traceback (most recent call last):\n"
        f'  File "{project.folder}/s.py", line {line}, in <module>\n'
        "    import features\n"
        "ImportError: \n"
        "features.py:2:30: unknown option `tll`\n"
        "    return g(1)  # @devstash tll=3d\n"
        "                             ^^^\n\n"
        "hint: did you mean `ttl`?\n"
    )
    assert outcome.status == 1


@pytest.mark.parametrize("text", ["x = 1  # devstash\ndef f(:\n", "x = '\\ud800' + 1/0  # devstash\n", "\0 devstash"])
def test_what_python_refuses_is_told_by_python(project, text):
    (project.folder / "features.py").write_text(text)
    expected = project.plain("s.py", env={"PYTHONDONTWRITEBYTECODE": "1"})
    outcome = project.run("s.py")
    assert outcome.stderr == expected.stderr and outcome.status == expected.status == 1


def test_byte_code_of_python_is_neither_used_nor_made(project):
    project.plain("s.py")
    cached = project.folder / "__pycache__"
    assert [path.name.partition(".")[0] for path in cached.iterdir()] == ["features"]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in cached.iterdir()}
    project.forget()
    assert [executed for _, executed in runs(project)] == [["clean", "marked"], []]
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in cached.iterdir()} == before
    shutil.rmtree(cached)
    runs(project, count=1)
    assert not cached.exists()


def test_modules_without_markers_are_pythons_alone(stash):
    """Also one that says something of us without a marker: Python's byte-code is made and used for it as ever."""
    stash.write("other.py", "def f(n):\n    return n\n")
    stash.write("talk.py", '"""It is about devstash."""\nNAME = "talk"\n')
    stash.write("s.py", "import other, talk\nx = other.f(3)  # @devstash\nprint(x, talk.NAME)\n")
    assert stash.twice("s.py") == "3 talk\n"
    names = [path.name.partition(".")[0] for path in (stash.folder / "__pycache__").iterdir()]
    assert sorted(names) == ["other", "talk"]


def test_what_was_remembered_of_a_module_and_is_damaged_is_made_again(project):
    before = remembered(project)
    runs(project)
    (path,) = remembered(project) - before
    whole = path.read_bytes()
    for data in (b"", whole[:-1], whole[:20], os.urandom(len(whole))):
        path.write_bytes(data)
        assert runs(project, count=1) == [("[3, 3, 3] 5\n", [])]
        assert path.read_bytes() == whole


def test_few_contents_of_a_module_are_remembered(project):
    before = remembered(project)
    for number in range(7):
        project.write("features.py", FEATURES + f"# {number}\n")
        runs(project, count=1)
    assert len(remembered(project) - before) == 4


def test_installed_packages_are_left_alone(stash):
    stash.write("lib/site-packages/installed.py", "def f():  # @devstash\n    log('f')\n    return 1\n")
    printed, first, second = stash.script_twice(
        LOG + "import sys  # devstash\nsys.path.append('lib/site-packages')\nimport installed\nprint(installed.f())\n"
    )
    assert (printed, first, second) == ("1\n", ["f"], ["f"])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_honour_them(stash, method):
    stash.write("job.py", "def work(n):  # @devstash\n    print('work', n, flush=True)\n    return n * n\n")
    stash.write(
        "s.py",
        f"""
        import multiprocessing
        import job  # devstash
        if __name__ == "__main__":
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                print(pool.map(job.work, range(3)))
        """,
    )
    assert stash.ok("s.py") == "work 0\nwork 1\nwork 2\n[0, 1, 4]\n"
    assert stash.ok("s.py") == "[0, 1, 4]\n"


def test_ways_to_run_reach_modules_too(project):
    project.write(
        "features.py", FEATURES.replace("n + 1", "n + len(seen)").replace("def clean", "seen = [1]\ndef clean")
    )
    missing = project.run("s.py", options=["--offline"])
    assert missing.stderr == (
        "devstash: features.py:8: `clean` is not run, because of --offline: no result is kept of it (absent)\n\n"
        "hint: `devstash run s.py`, without --offline, runs it and keeps the result\n"
    )
    assert (missing.status, project.executions()) == (5, [])
    told = project.run("s.py", options=["--explain"]).stderr
    assert told.splitlines()[0].startswith("devstash: features.py:8: miss clean: ") and "cached" not in told
    told = project.run("s.py", options=["--explain"]).stderr
    assert told == "devstash: features.py:8: hit clean\ndevstash: features.py:11: hit marked\n"
    project.forget()
    assert project.run("s.py", options=["--offline"]).status == 0 and project.executions() == []
    verified = project.run("s.py", options=["--verify"])
    assert (verified.stderr, verified.status) == ("devstash: verified 2 hits: the same\n", 0)
    assert project.executions() == ["clean", "marked"]
    project.forget()
    told = project.run("s.py", options=["--refresh=features.py:8", "-v"]).stderr
    assert "features.py:8: miss clean: refresh" in told and project.executions() == ["clean"]


def test_a_script_that_has_its_own_open(project):
    script = project.folder / "s.py"
    own = "import builtins\ndef refuse(*_, **__): raise RuntimeError\nbuiltins.open = refuse\nimport features\n"
    script.write_text(script.read_text().replace("import features\n", own))
    assert runs(project) == [("[3, 3, 3] 5\n", ["clean", "marked"]), ("[3, 3, 3] 5\n", [])]


def test_two_runs_at_once_load_a_new_module(project):
    argv = project.argv("s.py")
    environment = project.environment()
    started = [
        subprocess.Popen(argv, cwd=project.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in started:
        out, err = process.communicate(timeout=60)
        assert (out, err, process.returncode) == (b"[3, 3, 3] 5\n", b"", 0)


def test_the_planner_is_gone(project):
    """Without the binary a module runs as plain Python runs it, and one line says so."""
    copy = project.folder / "devstash-copy"
    shutil.copy(binary(), copy)
    script = project.folder / "s.py"
    script.write_text(
        script.read_text().replace("import features\n", f"import os\nos.unlink({str(copy)!r})\nimport features\n")
    )
    argv = [str(copy), "run", "--python", sys.executable, "s.py"]
    outcome = project.command(*argv)
    assert outcome.stdout == "[3, 3, 3] 5\n"
    assert outcome.stderr.startswith(f"devstash: {project.folder}/features.py: markers are off in this module: ")
    assert outcome.stderr.count("\n") == 1
