"""Secrets are kept out of what is shown to people."""

import pytest
from devstash.hiding import is_secret, without_secrets
from devstash.likeness import MOST, likeness
from devstash.manifest import json as to_json
from devstash.preview import preview

KEY = "sk-0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words about a header", None),
        ("keyboard: large", None),
        ("max_tokens=5, token: null", None),
        ("Basic training", None),
        (f"use {KEY}.", "use (hidden)"),
        (f"ask-{KEY}", None),
        ("password=hunter2&user=me", "password=(hidden)&user=me"),
        ('{"access_token": "abc", "n": 1}', '{"access_token": "(hidden)", "n": 1}'),
        ("Authorization: Bearer 0123456789", "Authorization: Bearer (hidden)"),
        ("see https://me:pass@host/a@b and http://host", "see https://(hidden)@host/a@b and http://host"),
        ("api_key = 'x'\napi_key: y", "api_key = '(hidden)'\napi_key: (hidden)"),
    ],
)
def test_secrets_in_texts(text, shown):
    assert without_secrets(text) == (text if shown is None else shown)


@pytest.mark.parametrize("name", ["token", "API_KEY", "db_password", "Set-Cookie", "x-api-key", "client secret"])
def test_names_of_secrets(name):
    assert is_secret(name)
    assert preview({name: "hush"}) == f"{{{name!r}: (hidden)}}"


@pytest.mark.parametrize("name", ["max_tokens", "total_tokens", "keys_of", "author", "text"])
def test_other_names(name):
    assert not is_secret(name)


class Rude:
    def __init__(self, parts):
        self.parts = parts

    def __getattr__(self, name):
        raise SystemExit

    __repr__ = __str__ = __len__ = __iter__ = __eq__ = __hash__ = __getattr__


class Text(str):
    def __str__(self):
        raise SystemExit

    __repr__ = __len__ = __getitem__ = __str__


@pytest.mark.parametrize(
    "value",
    [
        "😀" * 10000,
        "\x1b" * 10000,
        "\udcff" * 10000,
        {f"{n}" * 1000: "日本" * 1000 for n in range(1000)},
        [[["x" * 100] * 100] * 100] * 100,
        Rude([list(range(100))] * 100),
        [Rude(Rude(1))] * 50,
        Text("x" * 1000),
        list(range(100000)),
    ],
    ids=["emoji", "escapes", "surrogates", "mapping", "nested", "rude", "rudes", "subclass", "numbers"],
)
def test_looks_are_bounded_and_run_no_code(value):
    look = likeness(value, preview(value))
    assert len(to_json(look)) <= 4096 and MOST < 4096
