"""Properties of the key, tried on random values and random programs.

Runs are the same each time, so that a red build means something; HYPOTHESIS_EXAMPLES=1000 looks further, with other
examples each time.
"""

import base64
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

hypothesis = pytest.importorskip("hypothesis")

import shapes  # noqa: E402
from canonical import canonical  # noqa: E402
from devstash.encode import encode  # noqa: E402
from hypothesis import HealthCheck, given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from programs_of_chance import programs, reaching  # noqa: E402
from strategies import changed, values  # noqa: E402

HERE = Path(__file__).parent
RUNTIME = HERE.parent.parent / "src" / "runtime"
WANTED = os.environ.get("HYPOTHESIS_EXAMPLES")


def settings(examples):
    return hypothesis.settings(
        max_examples=int(WANTED or examples),
        derandomize=WANTED is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


# --- values ---------------------------------------------------------------------------------------------------------

CHILD = """
import base64, pickle, sys
sys.path[:0] = sys.argv[1:]
from devstash.encode import encode
for line in sys.stdin:
    print(encode(pickle.loads(base64.b64decode(line))), flush=True)
"""


class Elsewhere:
    """A process with a hash seed of its own that encodes what it is sent."""

    def __init__(self, seed):
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(RUNTIME), str(HERE)],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def encode(self, value):
        self.process.stdin.write(base64.b64encode(pickle.dumps(value)) + b"\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().decode().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def elsewhere():
    started = [Elsewhere(seed) for seed in (1, 2)]
    yield started
    for process in started:
        process.close()


@settings(150)
@given(value=values())
def test_equal_in_every_process_and_after_pickling(elsewhere, value):
    digest = encode(value)
    assert encode(pickle.loads(pickle.dumps(value))) == digest
    assert encode(value) == digest
    assert [process.encode(value) for process in elsewhere] == [digest, digest]


@settings(300)
@given(data=st.data())
def test_a_change_anywhere_changes_the_encoding(data):
    value = data.draw(values(), label="value")
    other = changed(data.draw, value)
    same = canonical(value) == canonical(other)
    assert (encode(value) == encode(other)) is same


@settings(150)
@given(values=st.lists(values(), max_size=6))
def test_two_values_share_an_encoding_only_if_they_are_the_same(values):
    digests = {}
    for value in values:
        assert digests.setdefault(encode(value), canonical(value)) == canonical(value)


@settings(100)
@given(value=values())
def test_shared_parts_are_equal_parts(value):
    copies = [pickle.loads(pickle.dumps(value)) for _ in range(2)]
    assert encode([value, value]) == encode(copies) == encode((lambda part: [part, part])(copies[0]))


@settings(100)
@given(items=st.lists(st.one_of(st.integers(), st.text(), st.binary(), st.tuples(st.text(), st.none()))))
def test_the_order_in_which_a_set_was_filled(items):
    forwards, backwards = set(), set()
    for item in items:
        forwards.add(item)
    for item in reversed(items):
        backwards.add(item)
    if canonical(forwards) == canonical(backwards):
        assert encode(forwards) == encode(backwards)
        assert encode([frozenset(forwards), 1]) == encode([frozenset(backwards), 1])


@settings(60)
@given(value=values(), cut=st.integers(0, 3))
def test_cycles(value, cut):
    def loop(length):
        first = last = shapes.Plain(value=value)
        for number in range(length):
            last.next = shapes.Plain(value=number)
            last = last.next
        last.next = first
        return first

    assert encode(loop(cut)) == encode(loop(cut))
    assert encode(loop(cut)) != encode(loop(cut + 1))


# --- programs -------------------------------------------------------------------------------------------------------


@settings(20)
@given(program=programs(), data=st.data())
def test_misses_exactly_when_the_changed_function_is_reachable(home, tmp_path_factory, program, data):
    from harness import Stash

    target = data.draw(st.integers(0, len(program.functions) - 1), label="changed function")
    stash = Stash(tmp_path_factory.mktemp("program"), home)

    def run(version):
        for name, text in version.files().items():
            path = stash.write(name, text)
            # Python would take old byte-code for a module of the same size and second.
            os.utime(path, (program.stamp(version), program.stamp(version)))
        stash.forget()
        printed = stash.ok("main.py")
        executed = stash.executions()
        assert printed == stash.plain("main.py").stdout
        return executed

    everything = ["root%d" % number for number in range(len(program.functions))]
    assert run(program) == everything
    executed = [int(name[len("root") :]) for name in run(program.with_change(target))]
    assert set(reaching(program, target)) <= set(executed) <= set(reaching(program, target, at_most=True))
    assert run(program) == []
