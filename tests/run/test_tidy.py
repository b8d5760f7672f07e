"""The repository keeps house: no traces of a machine in it, every module says what it is for, nothing is put off."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tracked():
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def texts():
    for path in tracked():
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a fixture in another encoding


def test_no_path_of_anybodys_machine():
    # Put together here so that this file does not find itself.
    machine = re.compile(
        "/" + r"(?:home/(?!user\b|you\b|me\b|runner\b)[a-z]\w*|root|Users/[a-z]\w*)/|" + r"C:\\Users\\\w"
    )
    found = [f"{path.relative_to(ROOT)}: {match.group()}" for path, text in texts() for match in machine.finditer(text)]
    assert found == []


def test_every_rust_module_says_what_it_is_for():
    bare = [
        str(path.relative_to(ROOT))
        for path, text in texts()
        if path.suffix == ".rs" and not text.lstrip().startswith("//!")
    ]
    assert bare == []


def test_every_python_module_says_what_it_is_for():
    # Not parsed: a test's data may be in the syntax of a later Python than the one that runs this.
    opening = re.compile(r'(?:[ \t]*(?:#.*)?\n)*r?(?:"""|\'\'\')')
    bare = []
    for path, text in texts():
        fixture = {"transparency", "fixtures"} & set(path.relative_to(ROOT).parts)
        if path.suffix == ".py" and not fixture and text.strip() and not opening.match(text):
            bare.append(str(path.relative_to(ROOT)))
    assert bare == []


def test_nothing_is_put_off():
    later = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|unimplemented!|todo!\(")
    found = [
        f"{path.relative_to(ROOT)}:{text[: match.start()].count(chr(10)) + 1}"
        for path, text in texts()
        for match in later.finditer(text)
        if path.suffix in (".rs", ".py", ".toml", ".md", "") and path.name not in ("test_tidy.py", "Cargo.lock")
    ]
    assert found == []


def test_no_trailing_space():
    found = [
        str(path.relative_to(ROOT))
        for path, text in texts()
        if path.suffix in (".rs", ".py", ".toml") and "transparency" not in path.parts and "fixtures" not in path.parts
        for line in text.splitlines()
        if line != line.rstrip()
    ]
    assert found == []
