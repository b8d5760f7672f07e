"""Settings: where they can be said, which one counts, and what is said of those that make no sense."""

import os
import re
import textwrap

import pytest

pytestmark = pytest.mark.commands

SCRIPT = """
def f(n, m=0):
    log("f")
    return n

print(f({args}))  # @devstash {options}
"""

FILE = "[tool.devstash]\n"


@pytest.fixture
def project(stash):
    """A script in a folder below the one where `pyproject.toml` goes; settings are given as its text."""
    stash.write("src/s.py", SCRIPT.format(args=1, options=""), log=True)

    def settings(text):
        stash.write("pyproject.toml", FILE + textwrap.dedent(text))
        return stash

    return settings


def of_user(stash, text, below="config"):
    """The user's own file, for this test alone."""
    stash.env["XDG_CONFIG_HOME"] = str(stash.folder / below)
    return stash.write(f"{below}/devstash/config.toml", text)


def executions(stash, script="src/s.py", **keywords):
    """Run the script once and return how often something was executed."""
    before = len(stash.executions())
    outcome = stash.run(script, **keywords)
    assert (outcome.status, outcome.stderr) == (0, ""), outcome
    return len(stash.executions()) - before


# --- where ----------------------------------------------------------------------------------------------------------


def test_paths_count_from_the_file_that_says_them(project):
    stash = project('cache_dir = "kept"\n')
    assert executions(stash) == 1
    stash.write("below/here", "")
    executions(stash, "../src/s.py", cwd=stash.folder / "below")  # another entry: the current folder is part of its key
    assert len(list((stash.folder / "kept").glob("*.pkl"))) == 2
    assert not (stash.folder / "below" / "kept").exists()
    listed = stash.devstash("list", cwd=stash.folder / "below")
    assert "__main____f__" in listed.stdout, listed


def test_a_pyproject_without_our_table_is_passed_over(project):
    stash = project('cache_dir = "kept"\n')
    stash.write("src/pyproject.toml", '[project]\nname = "x"\ndependencies = ["devstash"]\n')
    executions(stash)
    assert (stash.folder / "kept").is_dir() and not stash.cache.exists()


def test_the_nearest_table_is_the_only_one_of_the_project(project):
    stash = project('cache_dir = "kept"\nverbose = true\n')
    stash.write("src/pyproject.toml", FILE)
    executions(stash)
    assert stash.cache.is_dir() and not (stash.folder / "kept").exists()


def test_the_script_s_folder_counts_for_a_run_and_the_current_one_for_the_rest(project):
    stash = project('cache_dir = "kept"\n')
    elsewhere = stash.folder.parent / "elsewhere"
    elsewhere.mkdir()
    script = stash.folder / "src" / "s.py"
    assert stash.run(str(script), cwd=elsewhere).status == 0
    assert len(list((stash.folder / "kept").glob("*.pkl"))) == 1
    assert stash.devstash("list", cwd=elsewhere).stderr.startswith("devstash: there is no cache at ")


def test_a_link_to_a_script_is_the_script_where_it_really_lies(project):
    stash = project('cache_dir = "kept"\n')
    elsewhere = stash.folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link.py").symlink_to(stash.folder / "src" / "s.py")
    assert stash.run("link.py", cwd=elsewhere).status == 0
    assert (stash.folder / "kept").is_dir()


def test_the_user_has_a_file_too(stash):
    stash.write("s.py", SCRIPT.format(args=1, options=""), log=True)
    of_user(stash, 'cache_dir = "~/kept"\n')
    stash.env["HOME"] = str(stash.folder / "home")
    executions(stash, "s.py")
    assert len(list((stash.folder / "home" / "kept").glob("*.pkl"))) == 1
    # A relative XDG_CONFIG_HOME is none, as the XDG specification says.
    executions(stash, "s.py", env={"XDG_CONFIG_HOME": "config"})
    assert stash.cache.is_dir()


def test_the_user_s_file_lies_below_the_home_folder_by_default(stash):
    file = of_user(stash, "zebra = 1\n", "home/.config")
    outcome = stash.devstash("list", env={"XDG_CONFIG_HOME": None, "HOME": str(stash.folder / "home")})
    assert outcome.stderr.startswith(f"{file.relative_to(stash.folder)}:1:1: unknown setting `zebra`\n"), outcome


# --- which ----------------------------------------------------------------------------------------------------------


def test_the_nearest_to_the_line_wins(project):
    """Marker, option, variable, project, user: each place, with the one before it taken away."""
    stash = project('ttl = "4h"\n')
    file = of_user(stash, 'ttl = "5h"\n')

    def judged(marker="", **keywords):
        stash.write("src/s.py", SCRIPT.format(args=1, options=marker), log=True)
        outcome = stash.run("src/s.py", options=("--refresh", *keywords.pop("options", ())), **keywords)
        assert outcome.status == 0, outcome
        return re.search(r"valid \(<=\d+h\)|no ttl", stash.devstash("list").stdout)[0]

    option, variable = {"options": ("--ttl", "2h")}, {"env": {"DEVSTASH_TTL": "3h"}}
    assert judged("ttl=1h", **option, **variable) == "valid (<=1h)"
    assert judged(**option, **variable) == "valid (<=2h)"
    assert judged(**variable) == "valid (<=3h)"
    assert judged(env={"DEVSTASH_TTL": ""}) == "valid (<=4h)"
    (stash.folder / "pyproject.toml").unlink()
    assert judged() == "valid (<=5h)"
    file.unlink()
    assert judged() == "no ttl"


def test_a_changed_setting_takes_effect_on_the_next_run(project):
    stash = project("")
    assert [executions(stash), executions(stash)] == [1, 0]
    stash.age(7200)
    project('ttl = "1h"\n')
    assert [executions(stash), executions(stash)] == [1, 0]
    project('ttl = "1h"\nversion = 2\n')
    assert [executions(stash), executions(stash)] == [1, 0]
    project('ttl = "1h"\nversion = "2"\n')
    assert executions(stash) == 0
    project('env = ["LEVEL"]\n')
    assert [executions(stash), executions(stash), executions(stash, env={"LEVEL": "1"})] == [1, 0, 1]
    project("")
    assert executions(stash) == 0


def test_what_is_part_of_the_key_adds_up(project):
    """To name one more variable at a line does not take the project's out of its key."""
    stash = project('env = ["A"]\nfiles = "data/*.csv"\n')
    stash.write("src/s.py", SCRIPT.format(args=1, options="env=B files=more.csv"), log=True)
    stash.write("data/x.csv", "1")
    assert [executions(stash), executions(stash)] == [1, 0]
    assert executions(stash, env={"A": "1"}) == 1
    assert executions(stash, env={"B": "1"}) == 1
    stash.write("more.csv", "1")
    assert executions(stash) == 1
    # The project's files are looked for below the project, wherever the script is started.
    stash.write("data/x.csv", "2")
    assert executions(stash) == 1
    (stash.folder / "below").mkdir()
    shown = stash.devstash("show", "--json", stash.entries()[0].name).stdout
    assert f'"files {stash.folder}/data/*.csv"' in shown


def test_replay_of_a_project(project):
    stash = project('replay = ["stdout"]\n')
    stash.write("src/s.py", "def f(n):\n    print('said')\n    return n\nx = f(1)  # @devstash\n")
    assert stash.twice("src/s.py") == "said\n"


@pytest.mark.parametrize("name, option", [("refresh", 2), ("no_cache", 2)])
def test_switches(project, name, option):
    stash = project(f"{name} = true\n")
    assert [executions(stash), executions(stash)] == [1, 1]
    assert bool(stash.entries()) == (name == "refresh")
    off = {f"DEVSTASH_{name.upper()}": "0"}
    executions(stash, env=off)
    assert executions(stash, env=off) == 0


def test_what_is_switched_on_nearer_switches_the_other_off(project):
    stash = project("no_cache = true\nquiet = true\n")
    stash.run("src/s.py", options=["--refresh"])
    assert len(stash.entries()) == 1
    outcome = stash.run("src/s.py", options=["-v"])
    assert outcome.stderr == ""  # with `no_cache` there is nothing to tell
    outcome = stash.run("src/s.py", options=["-v"], env={"DEVSTASH_NO_CACHE": "no"})
    assert outcome.stderr == "devstash: src/s.py:10: hit f\n"


def test_verbose_and_record(project):
    stash = project("verbose = true\nrecord = true\n")
    stash.write("src/s.py", "def f(n):\n    print('said')\n    return n\nx = f(1)  # @devstash\n")
    outcome = stash.run("src/s.py")
    assert outcome.stderr == "devstash: src/s.py:4: miss f: absent\ndevstash: src/s.py:4: stored f\n"
    assert stash.devstash("show", "--output", "f").stdout == "said\n"
    assert stash.run("src/s.py", env={"DEVSTASH_VERBOSE": "off"}).stderr == ""


def test_the_interpreter_of_a_project(project):
    stash = project('python = "./bin/python9"\n')
    refused = stash.devstash("run", "src/s.py")
    assert refused.status == 127
    assert refused.stderr == (
        f"devstash: cannot start `{stash.folder}/bin/python9`, named by `pyproject.toml:2`: there is no such file\n\n"
        "hint: give the path of a Python interpreter, or a name on $PATH such as `python3.12`\n"
    )
    # Also for a script that is none of our business otherwise.
    stash.write("src/plain.py", "print(1)\n")
    assert stash.devstash("run", "src/plain.py").status == 127
    (stash.folder / "bin").mkdir()
    (stash.folder / "bin" / "python9").symlink_to(stash.python)
    assert stash.devstash("run", "src/plain.py").stdout == "1\n"
    assert stash.devstash("run", "src/plain.py", env={"DEVSTASH_PYTHON": "/nowhere"}).status == 127


def test_workers_are_given_the_settings_too(project):
    stash = project("version = 7\n")
    text = """
    import multiprocessing
    def f(n):
        log("f")
        return n
    def g(n):
        return f(n)  # @devstash
    if __name__ == "__main__":
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.map(g, [1]))
    """
    stash.write("src/s.py", text, log=True)

    def ran():
        before = len(stash.executions())
        assert stash.ok("src/s.py") == "[1]\n"
        return len(stash.executions()) - before

    assert [ran(), ran()] == [1, 0]
    project("version = 8\n")
    assert [ran(), ran()] == [1, 0]


# --- what makes no sense --------------------------------------------------------------------------------------------

FAULTS = {
    'tll = "1h"': ("1: unknown setting `tll`", "^^^", "did you mean `ttl`?"),
    'cache-dir = "x"': ("1: unknown setting `cache-dir`", "^^^^^^^^^", "did you mean `cache_dir`?"),
    'name = "x"': (
        "1: unknown setting `name`",
        "^^^^",
        "`name` is an option of a marker: write it on its line, as in `# @devstash name…`",
    ),
    'ttl = "1x"': (
        "7: `1x` is not a time",
        "      ^^^^",
        "write a whole number above zero and a unit, `s`, `m`, `h`, `d` or `w`: `30m`",
    ),
    "ttl = 60": ("7: a text is needed here, not a number", "      ^^", 'write `ttl = "30m"`'),
    'env = ["A", 1]': ("13: a text is needed here, not a number", "            ^", 'write `env = ["LANG", "TZ"]`'),
    'env = ["A", "B C"]': (
        "13: `B C` is not the name of an environment variable",
        "            ^^^^^",
        "separate the items with single commas: `LANG,TZ`",
    ),
    'record = "yes"': ("10: `true` or `false` is needed here, not a text", "         ^^^^^", "write `record = true`"),
    'load = "cpoy"': ("8: `cpoy` is not `map` or `copy`", "       ^^^^^^", "did you mean `copy`?"),
    'replay = ["stdin"]': (
        "11: `stdin` is not an output",
        "          ^^^^^^^",
        "write `stdout` or `stderr`, or both with a comma between them",
    ),
    "max_entries = 0": ("15: `0` is not a number of entries", "              ^", "write a whole number above zero"),
    'max_size = "5"': (
        "12: `5` is not a size",
        "           ^^^",
        "write a number above zero and a unit, `K`, `M`, `G` or `T`: `500M`",
    ),
    'cache_dir = ""': ("13: `` is not a folder", "            ^^", "leave it out to use `.devstash_cache`"),
    "quiet = true\nverbose = true": ("1: `quiet` and `verbose` exclude each other", "^^^^^^^", "keep one of them"),
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_faulty_setting_stops_before_the_script_starts(project, text):
    stash = project(text)
    message, carets, hint = FAULTS[text]
    line = text.splitlines()[-1]
    number = 1 + len(text.splitlines())
    expected = f"pyproject.toml:{number}:{message}\n{line}\n{carets}\n\nhint: {hint}\n"
    for argv in (["run", "src/s.py"], ["list"], ["show", "f"], ["path", "f"], ["clear", "--all"]):
        outcome = stash.devstash(*argv)
        assert (outcome.status, outcome.stdout, outcome.stderr) == (2, "", expected), argv
    assert stash.executions() == []
    checked = stash.devstash("check", "src/s.py", "src/s.py")
    assert (checked.status, checked.stdout, checked.stderr) == (2, expected, "")


def test_all_faults_are_told_at_once_in_the_order_of_the_file(project):
    stash = project('zebra = 1\nttl = "1x"\nquick = true\n')
    outcome = stash.run("src/s.py", cwd=stash.folder / "src", env={"DEVSTASH_MAX_AGE": "1"})
    places = [line for line in outcome.stderr.splitlines() if "pyproject" in line or "DEVSTASH" in line]
    assert places == []
    outcome = stash.devstash("run", "s.py", cwd=stash.folder / "src", env={"DEVSTASH_MAX_AGE": "1"})
    places = [line for line in outcome.stderr.splitlines() if "pyproject" in line or "DEVSTASH" in line]
    assert places == [
        "../pyproject.toml:2:1: unknown setting `zebra`",
        "../pyproject.toml:3:7: `1x` is not a time",
        "../pyproject.toml:4:1: unknown setting `quick`",
        "devstash: `DEVSTASH_MAX_AGE`: `1` is not a time",
    ]
    assert "hint: the settings are `python`, `cache_dir`, " in outcome.stderr


def test_what_is_no_toml(project):
    stash = project("ttl =\n")
    outcome = stash.devstash("run", "src/s.py")
    assert outcome.status == 2
    assert outcome.stderr.startswith("pyproject.toml:2:6: this is not TOML: "), outcome
    # One that does not mention us is none of our business, whatever it looks like.
    stash.write("pyproject.toml", "[tool\n")
    assert executions(stash) == 1


def test_a_table_that_is_none(stash):
    stash.write("pyproject.toml", "[tool]\ndevstash = 1\n")
    outcome = stash.devstash("list")
    assert outcome.status == 2
    assert outcome.stderr == (
        "pyproject.toml:2:12: `tool.devstash` is a table\ndevstash = 1\n           ^\n\nhint: write `[tool.devstash]`\n"
    )


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("TTL", "1x", "`1x` is not a time"),
        ("RECORD", "maybe", "`maybe` is not yes or no"),
        ("MAX_ENTRIES", "-1", "`-1` is not a number of entries"),
        ("ENV", "A,,B", "`` is not the name of an environment variable"),
        ("SUMMARY", "sometimes", "`sometimes` is not `auto`, `always` or `never`"),
        ("VERSION", "a\x1b[2Jb", "`a\\u{1b}[2Jb` is not such a text"),
    ],
)
def test_a_faulty_variable(project, name, value, message):
    stash = project("")
    outcome = stash.run("src/s.py", env={f"DEVSTASH_{name}": value})
    assert outcome.status == 2
    assert outcome.stderr.splitlines()[0] == f"devstash: `DEVSTASH_{name}`: {message}"
    assert stash.executions() == []


def test_a_faulty_option(project):
    outcome = project("").run("src/s.py", options=["--ttl", "1x"])
    assert outcome.status == 2
    assert outcome.stderr == (
        "devstash: `--ttl`: `1x` is not a time\n\n"
        "hint: write a whole number above zero and a unit, `s`, `m`, `h`, `d` or `w`: `30m`\n"
    )


def test_faults_never_stop_a_script_that_is_none_of_our_business(project):
    stash = project("zebra = 1\n")
    stash.write("src/plain.py", "print(1)\n")
    assert stash.ok("src/plain.py") == "1\n"
    assert executions(stash, env={"DEVSTASH_SKIP_REWRITE": "1"}) == 1


def test_strange_files_of_that_name_are_passed_over(project):
    stash = project('cache_dir = "kept"\n')
    strange = stash.folder / "src" / "pyproject.toml"
    strange.mkdir()
    executions(stash)
    strange.rmdir()
    os.mkfifo(strange)
    executions(stash)
    strange.unlink()
    strange.write_bytes(b"devstash\xff")
    executions(stash)
    strange.unlink()
    strange.symlink_to("nowhere")
    executions(stash)
    assert not stash.cache.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_file_of_another_user_counts_for_nothing(project):
    stash = project('cache_dir = "kept"\n')
    os.chown(stash.folder / "pyproject.toml", 12345, -1)
    outcome = stash.run("src/s.py")
    assert outcome.stderr == (
        f"devstash: the settings of `{stash.folder}/pyproject.toml` do not count: it is another user's file\n"
    )
    assert stash.cache.is_dir() and not (stash.folder / "kept").exists()
    # To whoever has written the script they belong.
    os.chown(stash.folder / "src", 12345, -1)
    executions(stash)
    assert (stash.folder / "kept").is_dir()
