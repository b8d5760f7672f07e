"""Scripts written for the Python package of the same name, and what a script sees of devstash in its logging."""

import textwrap

import pytest

SCRIPT = """
import devstash
devstash.activate()

def f(n):
    log(n)
    return n + 1

print(f(1))  # @devstash
"""


def test_activate_has_nothing_left_to_do(stash):
    printed, first, second = stash.script_twice(SCRIPT)
    assert (printed, first, second) == ("2\n", ["1"], [])


@pytest.mark.parametrize(
    "text",
    [
        "import devstash\ndevstash.activate()\nprint(1)\n",
        "from devstash import activate\nactivate()\nprint(1)\n",
        "import devstash as d\nd.activate()\nprint(1)\n",
        "import devstash; devstash.activate()\nprint(1)\n",
        "def main():\n    import devstash\n    devstash.activate()\n    print(1)\nmain()\n",
        "try:\n    import devstash\n    devstash.activate()\nexcept ImportError:\n    print('absent')\nprint(1)\n",
    ],
)
def test_activate_works_without_a_marked_line(stash, text):
    stash.write("s.py", text)
    assert stash.twice("s.py") == "1\n"


def test_the_package_knows_its_version(stash):
    stash.write("s.py", "import devstash\nprint(devstash.__version__)\n")
    version = stash.devstash("--version").stdout.split()[-1]
    assert stash.twice("s.py").strip() == version


def test_register_key(stash):
    printed, first, second = stash.script_twice(
        """
        import devstash
        class Handle:
            def __init__(self, n):
                self.n = n
                self.file = open(__file__)
        devstash.register_key(Handle, lambda handle: handle.n)
        def f(handle):
            log(handle.n)
            return handle.n
        print(f(Handle(1)), f(Handle(2)))  # @devstash
        """
    )
    assert (printed, first, second) == ("1 2\n", ["1", "2"], [])


def test_skip_rewrite_runs_the_script_unedited(stash):
    stash.write("s.py", "def f(n):\n    log(n)\n    return n\nprint(f(1), __file__)  # @devstash\n", log=True)
    expected = stash.plain("s.py")
    for _ in range(2):
        assert stash.run("s.py", env={"DEVSTASH_SKIP_REWRITE": "1"}).raw == expected.raw
    assert stash.executions() == ["1"] * 3
    assert not stash.cache.exists()


def test_skip_rewrite_with_an_old_script(stash):
    stash.write("s.py", SCRIPT, log=True)
    for _ in range(2):
        assert stash.ok("s.py", env={"DEVSTASH_SKIP_REWRITE": "1"}) == "2\n"
    assert stash.executions() == ["1", "1"]


def test_skip_rewrite_does_not_judge_markers(stash):
    stash.write("s.py", "x = 1  # @devstash nonsense\nprint(x)\n")
    assert stash.ok("s.py", env={"DEVSTASH_SKIP_REWRITE": "1"}) == "1\n"


@pytest.mark.parametrize("value", ["0", ""])
def test_skip_rewrite_can_be_turned_off(stash, value):
    stash.write("s.py", SCRIPT, log=True)
    for _ in range(2):
        stash.ok("s.py", env={"DEVSTASH_SKIP_REWRITE": value})
    assert stash.executions() == ["1"]


# --- logging --------------------------------------------------------------------------------------------------------

LOGGING = """
import logging, sys
logging.basicConfig(level={level}, stream=sys.stdout, format="%(name)s %(levelname)s %(message)s")

def f(n):
    return n + 1

f(1)  # @devstash ttl=1h
"""


def logged(stash, level="logging.INFO"):
    stash.write("s.py", textwrap.dedent(LOGGING.format(level=level)))
    return [line for line in stash.ok("s.py").splitlines() if line.startswith("devstash ")]


def test_logger_tells_of_miss_and_store_then_of_the_hit(stash):
    first = " ".join(logged(stash)).lower()
    assert "miss" in first and "absent" in first and "stored" in first and "s.py:8" in first
    second = " ".join(logged(stash)).lower()
    assert "hit" in second and "miss" not in second


def test_logger_tells_of_an_expired_entry(stash):
    logged(stash)
    stash.age(7200)
    assert "expired" in " ".join(logged(stash)).lower()


def test_logger_tells_what_could_not_be_cached(stash):
    stash.write(
        "s.py",
        """
        import logging
        logging.basicConfig(filename="out", level=logging.WARNING)
        def f(handle):
            return 1
        f(open(__file__))  # @devstash
        """,
    )
    assert stash.run("s.py").status == 0
    text = (stash.folder / "out").read_text()
    assert "devstash" in text and "handle" in text


def test_logger_keeps_quiet_below_its_level(stash):
    assert logged(stash, "logging.WARNING") == []


def test_unconfigured_logging_prints_nothing(stash):
    stash.write("s.py", 'import logging\nx = len("abc")  # @devstash\nprint(x)\n')
    assert stash.twice("s.py") == "3\n"
