"""The options of a marker: what each makes hit, and what miss."""

import pytest
from harness import hits

SCRIPT = """
import os, sys

def f(n, m=0):
    log("f")
    return n

print(f({args}))  # @devstash {options}
"""


def script(options, args="1"):
    return SCRIPT.format(options=options, args=args)


def run_logged(stash, text, *args, **keywords):
    """Run a script once and return how often something was logged."""
    stash.write("s.py", text, log=True)
    before = len(stash.executions())
    stash.ok("s.py", *args, **keywords)
    return len(stash.executions()) - before


@pytest.mark.parametrize(
    "ttl, seconds",
    [("1s", 1), ("90s", 90), ("2m", 120), ("3h", 3 * 3600), ("1d", 86400), ("2w", 2 * 7 * 86400)],
)
def test_ttl_counts_from_the_modification_time(stash, ttl, seconds):
    text = script(f"ttl={ttl}")
    assert run_logged(stash, text) == 1
    entry = stash.entry()
    if seconds > 1:
        stash.age(seconds - 60 if seconds > 60 else 0)
        assert run_logged(stash, text) == 0
    stash.age(seconds + 1)
    assert run_logged(stash, text) == 1
    assert stash.entry() == entry
    if seconds > 1:
        assert run_logged(stash, text) == 0


def test_hit_does_not_prolong_the_ttl(stash):
    text = script("ttl=1h")
    run_logged(stash, text)
    stash.age(3000)
    before = stash.entry().stat().st_mtime_ns
    assert run_logged(stash, text) == 0
    assert stash.entry().stat().st_mtime_ns == before
    stash.age(700)
    assert run_logged(stash, text) == 1


def test_hit_sets_the_access_time(stash):
    text = script("ttl=1h")
    run_logged(stash, text)
    stash.age(3000)
    before = stash.entry().stat()
    run_logged(stash, text)
    after = stash.entry().stat()
    assert after.st_atime > before.st_atime + 1000
    assert after.st_mtime_ns == before.st_mtime_ns


def test_changing_the_ttl_alone_keeps_the_entry(stash):
    assert run_logged(stash, script("ttl=1h")) == 1
    stash.age(7200)
    assert run_logged(stash, script("ttl=1d")) == 0
    assert run_logged(stash, script("")) == 0
    assert run_logged(stash, script("ttl=1h")) == 1


def test_without_ttl_an_entry_never_expires(stash):
    run_logged(stash, script(""))
    stash.age(10 * 365 * 86400)
    assert run_logged(stash, script("")) == 0


def test_key_replaces_the_arguments(stash):
    """What cannot be keyed, and what changes without meaning, may be given: only the key counts."""
    text = script("key=sys.argv[1]", args="open(__file__).fileno() and 1, object()")
    assert run_logged(stash, text, "a") == 1
    assert run_logged(stash, text, "a") == 0
    assert run_logged(stash, text, "b") == 1
    assert run_logged(stash, text, "a") == 0


def test_key_may_have_brackets_and_quotes(stash):
    for key in ("(sys.argv[1], len(sys.argv))", "{'a': sys.argv[1]}", '"sys.argv[1]"'):
        text = script(f"key={key}", args="1, object()")
        assert run_logged(stash, text, "x" + key) == 1
        assert run_logged(stash, text, "x" + key) == 0


def test_key_is_evaluated_where_the_call_is(stash):
    text = """
    def f(n, extra):
        log("f")
        return n
    def g(n):
        local = n % 2
        return f(n, object())  # @devstash key=local
    print(g(1), g(3), g(2))
    """
    stash.write("s.py", text, log=True)
    # One key for 1 and 3, so that the answer for 3 is the one for 1: this is what `key` says.
    assert stash.ok("s.py") == "1 1 2\n"
    assert stash.executions() == ["f", "f"]


def test_key_on_a_def(stash):
    text = """
    def f(n, extra):  # @devstash key=n
        log("f")
        return n
    print(f(1, object()), f(1, object()), f(2, object()))
    """
    printed, first, second = stash.script_twice(text)
    assert (printed, first, second) == ("1 1 2\n", ["f", "f"], [])


def test_key_still_counts_the_code(stash):
    text = script("key=1")
    assert run_logged(stash, text) == 1
    assert run_logged(stash, text.replace("return n", "return n + 1")) == 1


def test_ignore_leaves_arguments_out(stash):
    text = script("ignore=m", args="1, m=object()")
    assert run_logged(stash, text) == 1
    assert run_logged(stash, text) == 0
    assert run_logged(stash, text.replace("f(1,", "f(2,")) == 1
    # By position too: arguments are bound to the signature.
    assert run_logged(stash, text.replace("m=object()", "object()")) == 0


def test_ignore_self(stash):
    text = """
    class C:
        def __init__(self):
            self.handle = open(__file__)
        def f(self, n):
            log("f")
            return n
    c = C()
    print(c.f(1))  # @devstash ignore=self
    """
    hits(stash, text)


def test_ignore_self_on_a_def(stash):
    text = """
    class C:
        def __init__(self):
            self.handle = open(__file__)
        def f(self, n, log_to):  # @devstash ignore=self,log_to
            log("f")
            return n
    print(C().f(1, open(__file__)))
    """
    hits(stash, text)


def test_env_is_part_of_the_key(stash):
    text = script("env=MODEL,REGION")
    assert run_logged(stash, text) == 1
    assert run_logged(stash, text, env={"MODEL": "a"}) == 1
    assert run_logged(stash, text, env={"MODEL": "b"}) == 1
    assert run_logged(stash, text, env={"MODEL": "b", "REGION": "x"}) == 1
    assert run_logged(stash, text, env={"MODEL": ""}) == 1
    assert run_logged(stash, text, env={"MODEL": "a", "OTHER": "x"}) == 0
    assert run_logged(stash, text) == 0


def test_files_are_part_of_the_key(stash):
    text = script("files=data/*.csv,settings.ini")
    stash.write("data/a.csv", "1")
    assert run_logged(stash, text) == 1
    assert run_logged(stash, text) == 0
    stash.write("data/a.csv", "2")
    assert run_logged(stash, text) == 1
    stash.write("data/b.csv", "2")
    assert run_logged(stash, text) == 1
    stash.write("data/b.txt", "not meant")
    assert run_logged(stash, text) == 0
    stash.write("settings.ini", "x")
    assert run_logged(stash, text) == 1
    (stash.folder / "settings.ini").unlink()
    (stash.folder / "data" / "b.csv").unlink()
    stash.write("data/a.csv", "1")
    assert run_logged(stash, text) == 0, "the old content finds the old entry"


def test_version_is_a_salt(stash):
    assert run_logged(stash, script("version=1")) == 1
    assert run_logged(stash, script("version=2")) == 1
    assert run_logged(stash, script('version="a b"')) == 1
    assert run_logged(stash, script("version=1")) == 0
    assert run_logged(stash, script("")) == 1


def test_refresh_executes_every_time(stash):
    assert run_logged(stash, script("refresh")) == 1
    assert run_logged(stash, script("refresh")) == 1
    assert len(stash.entries()) == 1
    assert run_logged(stash, script("")) == 0


def test_off_is_no_marker(stash):
    for _ in range(2):
        assert run_logged(stash, script("off ttl=1h")) == 1
    assert not stash.cache.exists()


def test_name_is_a_label_by_which_people_find_the_entry(stash):
    assert run_logged(stash, script("name=answers")) == 1
    assert run_logged(stash, script("name=answers")) == 0
    for options in ("", "name=replies"):  # it is no part of the call
        assert run_logged(stash, script(options)) == 0
    assert f"{stash.entry().name} (answers)" in stash.devstash("list").stdout
    assert stash.devstash("clear", "--pattern", "nothing").status == 1
    assert stash.devstash("clear", "--pattern", "answers").status == 0
    assert stash.entries() == []


@pytest.mark.parametrize("options", ["replay=stdout", "replay=stdout,stderr", "max_entries=3", "load=copy"])
def test_options_of_later_are_accepted(stash, options):
    assert run_logged(stash, script(options)) == 1
    assert run_logged(stash, script(options)) == 0


def test_options_together(stash):
    text = script('ttl=1h env=MODEL ignore=m version="2" name=answer files=*.csv')
    assert run_logged(stash, text) == 1
    assert run_logged(stash, text) == 0
