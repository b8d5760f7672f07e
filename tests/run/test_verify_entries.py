"""`devstash verify`: every entry checked whole, and told or removed if it is not in order."""

import json
import os
import re

import pytest
from harness import binary, on_terminal

pytestmark = pytest.mark.commands

SCRIPT = """
def get(n):
    return "x" * n
def large(n):
    return Buffer(n)
def write(name):
    with open(name, "w") as file:
        file.write("contents of " + name)
class Buffer:
    def __init__(self, n):
        self.data = bytearray(range(256)) * n
    def __reduce_ex__(self, protocol):
        import pickle
        return make, (pickle.PickleBuffer(self.data),)
def make(data):
    made = object.__new__(Buffer)
    made.data = bytearray(data)
    return made
get(1)  # @devstash
get(2000)  # @devstash
large(200)  # @devstash
large(20_000)  # @devstash
write("out.txt")  # @devstash
"""


@pytest.fixture
def filled(stash):
    stash.write("s.py", SCRIPT)
    stash.ok("s.py")
    assert len(stash.entries()) == 5
    return stash


def entry(stash, line):
    number = 1 + (stash.folder / "s.py").read_text().splitlines().index(f"{line}  # @devstash")
    return stash.cache / os.path.basename(stash.devstash("path", f"s.py:{number}").stdout.strip())


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def size(text):
    return re.sub(r"\d+\.\d (.i)?B", "SIZE", text)


def test_all_in_order(filled):
    outcome = filled.devstash("verify")
    assert (size(outcome.stdout), outcome.stderr, outcome.status) == ("Checked 5 entries, SIZE: all in order.\n", "", 0)
    # An entry whose call has read something and returned a large array, too.
    outcome = filled.devstash("verify", "--site", "s.py", "--larger", "4M")
    assert size(outcome.stdout) == "Checked 1 entry, SIZE: all in order.\n"


@pytest.mark.parametrize(
    "line, place, what",
    [
        ("get(1)", 3, "damaged (checksum is wrong)"),
        ("get(1)", -50, "damaged (checksum is wrong)"),
        ("get(1)", -20, "foreign (signed with another key than yours)"),
        ("get(1)", -97, "damaged (lengths do not fit)"),
        ("get(1)", -1, "damaged (truncated, or not written by devstash)"),
        ("large(200)", 4000, "damaged (51200 bytes at 192 are not those that were stored)"),
        ("large(20_000)", 4_500_000, "damaged (5120000 bytes at 192 are not those that were stored)"),
        ("large(20_000)", 30, "damaged (checksum is wrong)"),
    ],
)
def test_a_flipped_bit_is_found(filled, line, place, what):
    path = entry(filled, line)
    flip(path, place)
    outcome = filled.devstash("verify")
    what = re.sub(r"at \d+", "at N", what)
    told = re.sub(r"bytes at \d+", "bytes at N", size(outcome.stdout))
    assert told == f"{path.name}: {what}\nChecked 5 entries, SIZE: 1 not in order.\n"
    assert (outcome.stderr, outcome.status) == ("", 3)
    assert path.exists()


def test_bad_ones_are_removed_if_that_is_wished(filled):
    bad, shut, empty = entry(filled, "get(1)"), entry(filled, "get(2000)"), entry(filled, "large(200)")
    flip(bad, 3)
    shut.chmod(0o660)
    empty.write_bytes(b"")
    folder = filled.cache / "m__folder__0123456789abcdef.pkl"
    folder.mkdir()
    link = filled.cache / "evil\x1b[31m\n__f__0123456789abcdef.pkl"
    os.symlink(bad, link)
    rows = sorted(
        [
            (bad.name, "damaged (checksum is wrong)"),
            (shut.name, "foreign (other users can write to the file)"),
            (empty.name, "damaged (empty)"),
            (link.name, "foreign (not a plain file)"),
            (folder.name, "foreign (not a plain file)"),
        ]
    )
    lines = [f"{name}: {what}".replace("\x1b", "\\u{1b}").replace("\n", "\\n") for name, what in rows]
    outcome = filled.devstash("verify")
    assert outcome.stdout.splitlines()[:-1] == lines and outcome.status == 3
    outcome = filled.devstash("verify", "--remove")
    assert outcome.stdout.splitlines()[:-1] == lines
    # A folder is nothing of devstash's and stays.
    assert outcome.stdout.endswith(": 5 not in order, 4 removed.\n") and outcome.status == 3
    folder.rmdir()
    assert filled.devstash("verify").status == 0
    assert len(filled.entries()) == 2
    flip(entry(filled, 'write("out.txt")'), 3)
    outcome = filled.devstash("verify", "--remove")
    assert (size(outcome.stdout).splitlines()[-1], outcome.status) == (
        "Checked 2 entries, SIZE: 1 not in order, removed.",
        0,
    )


def test_contents_of_files_are_looked_at(filled):
    path = entry(filled, 'write("out.txt")')
    (blob,) = (path for path in (filled.cache / ".blobs").rglob("*") if path.is_file())
    flip(blob, 0)
    outcome = filled.devstash("verify")
    told = f"{path.name}: irrecoverable (the contents {blob.name} of a file are damaged)\n"
    assert outcome.stdout.startswith(told) and outcome.status == 3
    blob.unlink()
    outcome = filled.devstash("verify")
    assert outcome.stdout.startswith(told.replace("damaged", "missing"))
    assert filled.devstash("verify", "--pattern", "get").status == 0


def test_without_the_users_key(filled):
    key = filled.home / "data" / "devstash" / "key"
    key.chmod(0o644)
    outcome = filled.devstash("verify")
    assert size(outcome.stdout) == "Checked 5 entries, SIZE: all in order.\n" and outcome.status == 0
    assert outcome.stderr == f"devstash: signatures were not checked: `{key}` can be read or written by others\n"
    key.unlink()
    outcome = filled.devstash("verify")
    assert outcome.stderr == f"devstash: signatures were not checked: there is no `{key}`\n"
    key.write_bytes(b"k" * 32)
    key.chmod(0o600)
    outcome = filled.devstash("verify")
    assert outcome.stdout.count("foreign (signed with another key than yours)\n") == 5 and outcome.status == 3


def test_for_programs(filled):
    path = entry(filled, "get(1)")
    flip(path, 3)
    newer = entry(filled, "get(2000)")
    data = bytearray(newer.read_bytes())
    data[-16] = 2
    newer.write_bytes(data)
    outcome = filled.devstash("verify", "--json")
    found = json.loads(outcome.stdout)
    assert found.pop("size") > 5_000_000
    assert found == {
        "format": 1,
        "checked": 5,
        "signatures": True,
        "bad": 1,
        "entries": [
            {
                "entry": one.name,
                "path": str(one),
                "bad": one == path,
                "what": what,
                "removed": False,
            }
            for one, what in sorted([(path, "damaged (checksum is wrong)"), (newer, "future format (2)")])
        ],
    }
    outcome = filled.devstash("verify", "--remove")
    assert outcome.stdout.endswith("1 not in order, removed; 1 of a newer format not checked.\n")
    assert newer.exists() and not path.exists() and outcome.status == 0


def test_nothing_and_somebody_elses(stash):
    assert stash.devstash("verify").status == 0 and not stash.cache.exists()
    stash.write("photos/holiday.pkl", "precious")
    outcome = stash.devstash("verify", "--remove", "--cache-dir", "photos")
    assert (outcome.status, outcome.stdout) == (1, "") and "not a cache folder" in outcome.stderr


def test_quick_checks_show_no_bar(filled):
    shown, status = on_terminal([binary(), "verify"], filled.environment(), filled.folder)
    assert size(shown) == "Checked 5 entries, SIZE: all in order.\r\n" and status == 0


def test_a_bar_shows_that_it_takes_long(filled):
    # Half a GiB that take no room on the disk: all zeroes after a name of an entry.
    path = filled.cache / "long__f__0123456789abcdef.pkl"
    footer = entry(filled, "get(1)").read_bytes()[-104:]
    length = 1 << 29
    with open(path, "wb") as file:
        file.truncate(length - 104)
        file.seek(length - 104)
        numbers = [length - 104, 0, 0, 0, length - 104]
        file.write(b"".join(number.to_bytes(8, "little") for number in numbers) + footer[40:])
    path.chmod(0o600)
    shown, status = on_terminal([binary(), "verify"], filled.environment(), filled.folder)
    assert re.search(r"devstash: checking entries \[=+>? *\] \d+%", shown)
    assert shown.split("\r")[-3].strip().endswith("long__f__0123456789abcdef.pkl: damaged (checksum is wrong)")
    assert status == 3
