"""What is printed for programs: every `--json` against the schema that is published for it."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

pytestmark = pytest.mark.commands

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schema"

SCRIPT = """
import os, random
def f(n, path="in.txt"):
    print("said")
    with open(path) as file:
        return file.read() * n + os.environ.get("LEVEL", "")
def g(rows):
    rows.append(1)
    open("out.txt", "w").write("x")
    return rows
x = f(2)  # @devstash ttl=1h name=texts replay=stdout
y = g([])  # @devstash
"""

# What each command is asked, for the outputs that its schema is to describe. A command with `--json` and no line here
# is an error: see the last test.
ASKED = {
    "check": [["s.py"]],
    "show": [["texts"], ["s.py:12"]],
    "why": [["s.py"], ["s.py:12"], ["texts"]],
    "list": [[], ["--sort", "saved"], ["--ttl", "1s", "--site", "s.py"]],
    "verify": [[], ["--site", "s.py:12"]],
    "stats": [[], ["--days", "3"]],
    "config": [[], ["s.py"], ["--cache-dir", "elsewhere"]],
}


@pytest.fixture
def stocked(stash):
    """A cache with entries of several kinds, and settings from everywhere."""
    stash.write("s.py", SCRIPT)
    stash.write("in.txt", "text")
    stash.write("pyproject.toml", '[tool.devstash]\nenv = ["LEVEL"]\nttl = "1d"\nmax_size = "1G"\n')
    stash.env["XDG_CONFIG_HOME"] = str(stash.folder / "config")
    stash.write("config/devstash/config.toml", "max_entries = 1000\n")
    stash.env["DEVSTASH_RECORD"] = "1"
    for _ in range(2):
        assert stash.run("s.py").status == 0
    assert len(stash.entries()) == 2
    return stash


@pytest.mark.parametrize("command", sorted(ASKED))
def test_json_is_as_its_schema_says(stocked, command):
    schema = json.loads((SCHEMAS / f"{command}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for arguments in ASKED[command]:
        outcome = stocked.devstash(command, "--json", *arguments)
        assert (outcome.status, outcome.stderr) == (0, ""), outcome
        jsonschema.validate(json.loads(outcome.stdout), schema, jsonschema.Draft202012Validator)
        # Every member that is printed is described.
        assert set(json.loads(outcome.stdout)) <= set(schema["properties"])


def test_faults_as_json(stash):
    stash.write("bad.py", "y = f(1)  # @devstash tll=3d\nx = 1  # @devstash\n")
    stash.write("odd.py", "def f(:  # @devstash\n")
    outcome = stash.devstash("check", "--json", "bad.py", "odd.py", "none.py")
    assert (outcome.status, outcome.stderr) == (2, "")
    found = json.loads(outcome.stdout)
    schema = json.loads((SCHEMAS / "check.json").read_text())
    jsonschema.validate(found, schema, jsonschema.Draft202012Validator)
    faults = [(row["file"], row["line"], row["column"], row["width"]) for row in found["faults"]]
    nowhere = (None, None, None)
    assert faults == [("bad.py", 1, 23, 3), ("bad.py", 2, 10, 9), ("odd.py", *nowhere), ("none.py", *nowhere)]
    assert found["faults"][0]["message"] == "unknown option `tll`"
    assert found["faults"][0]["hint"] == "did you mean `ttl`?"


def test_every_json_has_a_schema(stash):
    listed = re.findall(r"^  (\w+) ", stash.devstash("--help").stdout.partition("\n\nOptions:")[0], re.MULTILINE)
    with_json = {name for name in listed if "--json" in stash.devstash(name, "--help").stdout}
    assert with_json == set(ASKED) == {path.stem for path in SCHEMAS.glob("*.json")}
