"""What `devstash show` tells of values of well-known packages: a closer look that was made when they were stored."""

import json
import re

import pytest
from harness import binary, on_terminal


def looks(stash, body, *names, packages=()):
    """Keep what the functions `names` of a script return; by name what is shown of the value, and the whole look."""
    for package in packages:
        pytest.importorskip(package)
    calls = "\n".join(f"{name}()  # @devstash" for name in names)
    stash.write("s.py", body + calls + "\n")
    stash.ok("s.py")
    found = {}
    for name in names:
        text = stash.devstash("show", f"__main____{name}__").stdout
        look = json.loads(stash.devstash("show", "--json", f"__main____{name}__").stdout)["look"]
        found[name] = (text.partition("\nvalue:\n")[2], look)
        assert len(json.dumps(look)) < 4096
    return found


FRAMES = """
import numpy as np
import pandas as pd

def frame():
    return pd.DataFrame({
        "city": pd.Series(["東京", "Oslo", None] * 10, dtype=object),
        "people": range(30),
        "area": [2194.25, float("nan"), 1e12] * 10,
        "when": pd.to_datetime(["2026-01-31"] * 30).astype("datetime64[ns]"),
        "kind": pd.Categorical(["a", "b", "a"] * 10),
        "api_key": pd.Series(["hush"] * 30, dtype=object),
    })

def wide():
    return pd.DataFrame(np.arange(4000.0).reshape(2, 2000)).add_prefix("a quite long column name ")

def column():
    return pd.Series([1, 2], index=pd.Index(["x", "y"], name="key"), name="count")

def empty():
    return pd.DataFrame({"a": []}, dtype="int64")

def array():
    return np.arange(12, dtype="int32").reshape(3, 4)

class Odd:
    def __repr__(self):
        raise SystemExit("code of the value ran")

    __str__ = __eq__ = __hash__ = __bool__ = __repr__

def odd():
    return pd.DataFrame({"odd": [Odd()]})
"""

FRAME = """\
  type   pandas.DataFrame
  shape  30 × 6

       city    people     area  when                 kind      api_key
       object   int64  float64  datetime64[ns]       category  object
    0  東京         0  2194.25  2026-01-31 00:00:00  a         (hidden)
    1  Oslo         1      nan  2026-01-31 00:00:00  b         (hidden)
    2  None         2    1e+12  2026-01-31 00:00:00  a         (hidden)
    3  東京         3  2194.25  2026-01-31 00:00:00  a         (hidden)
    4  Oslo         4      nan  2026-01-31 00:00:00  b         (hidden)
    …
"""

COLUMN = """\
  type   pandas.Series
  shape  2

    key  count
         int64
    x        1
    y        2
"""

WIDE = """\
       a quite long column name 0  …
                          float64  …
    0                           0  …
    1                        2000  …
"""

ARRAY = """\
  type    numpy.ndarray
  shape   3 × 4
  dtype   int32
  values  0, 1, 2, 3, 4, 5, 6, 7, …
"""


EMPTY = """\
  type   pandas.DataFrame
  shape  0 × 1

          a
      int64
"""


def plainly(text):
    """Names of classes as they are from pandas 3 on."""
    return re.sub(r"pandas\.core\.(frame|series)\.", "pandas.", text)


def test_frames_and_arrays(stash):
    names = ("frame", "wide", "column", "empty", "array", "odd")
    found = looks(stash, FRAMES, *names, packages=["numpy", "pandas"])
    assert plainly(found["frame"][0]) == FRAME
    assert plainly(found["column"][0]) == COLUMN
    assert plainly(found["empty"][0]) == EMPTY
    assert found["array"][0] == ARRAY
    assert found["odd"][1]["table"]["rows"] == [["0", "__main__.Odd()"]]
    wide = found["wide"][1]
    assert wide["facts"] == {"shape": [2, 2000]} and len(wide["table"]["columns"]) == 13
    shown, status = on_terminal([binary(), "show", "__wide__"], stash.environment(), stash.folder, columns=60)
    table = shown.replace("\r\n", "\n").rpartition("\n\n")[2]
    assert (status, table) == (0, WIDE)


POLARS = """
import polars as pl

def frame():
    return pl.DataFrame({"name": ["a", None], "n": [1, 2], "parts": [[1, 2], []]})
"""


def test_frames_of_polars(stash):
    text, look = looks(stash, POLARS, "frame", packages=["polars"])["frame"]
    assert look["facts"] == {"shape": [2, 3]}
    assert look["table"] == {
        "columns": ["name", "n", "parts"],
        "types": ["String", "Int64", "List(Int64)"],
        "rows": [["a", "1", "[1, 2]"], ["None", "2", "[]"]],
    }


MESSAGES = """
from anthropic.types import Message
from openai.types.chat import ChatCompletion

USAGE = {"prompt_tokens": 1234, "completion_tokens": 5, "total_tokens": 1239}

def completion(message):
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
    return ChatCompletion.model_validate({
        "id": "x", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [choice], "usage": USAGE,
    })

def answer():
    return completion({"content": "Two lines,\\n\\x1b[31mone red, with sk-0123456789abcdef in it."})

def calling():
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    return completion({"content": None, "tool_calls": [call]})

def claude():
    return Message.model_validate({
        "id": "x", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hello."}], "usage": {"input_tokens": 3, "output_tokens": 4},
    })
"""

ANSWER = """\
  type         openai.types.chat.chat_completion.ChatCompletion
  model        gpt-4o
  tokens       1,234 in, 5 out
  stop reason  stop

    Two lines,
    \\u{1b}[31mone red, with (hidden) in it.
"""


def test_messages(stash):
    found = looks(stash, MESSAGES, "answer", "calling", "claude", packages=["openai", "anthropic"])
    assert found["answer"][0] == ANSWER
    assert found["calling"][1]["text"] == 'calls weather({"city": "Oslo"})'
    assert found["claude"][1] == {
        "type": "anthropic.types.message.Message",
        "facts": {"model": "claude", "stop reason": "end_turn", "tokens": "3 in, 4 out"},
        "text": "Hello.",
    }


OTHERS = """
import httpx, requests
from PIL import Image
from sklearn.linear_model import LogisticRegression

def image():
    return Image.new("RGB", (640, 480))

def response():
    response = requests.Response()
    response.status_code, response.reason, response.url = 200, "OK", "https://me:pass@example.org/a?token=t0p"
    response.headers["content-type"] = "application/json"
    response._content = b'{"access_token": "t0p", "n": 1}'
    return response

def answer():
    return httpx.Response(404, text="not there")

def model():
    return LogisticRegression(C=0.5).fit([[1.0], [2.0]], [0, 1])
"""


def test_images_responses_and_models(stash):
    names = ("image", "response", "answer", "model")
    found = looks(stash, OTHERS, *names, packages=["PIL", "requests", "httpx", "sklearn"])
    assert found["image"][0] == "  type  PIL.Image.Image\n  size  640 × 480 pixels\n  mode  RGB\n"
    assert found["response"][1] == {
        "type": "requests.models.Response",
        "facts": {
            "status": "200 OK",
            "url": "https://(hidden)@example.org/a?…",
            "type": "application/json",
            "length": "31 bytes",
        },
        "text": '{"access_token": "(hidden)", "n": 1}',
    }
    assert found["answer"][1]["facts"] == {"status": "404", "type": "text/plain; charset=utf-8", "length": "9 bytes"}
    outline = dict(found["model"][1]["outline"])
    assert (outline["C"], outline["coef_"]) == ("0.5", "numpy.ndarray(1×1, float64)")


PLAIN = """
def mapping():
    return {"train": list(range(100)), "token": "hush", **{f"k{n}": n for n in range(40)}}

def text():
    return "a line\\n" * 1000

def small():
    return {"a": [1, 2]}
"""


def test_plain_values(stash):
    found = looks(stash, PLAIN, "mapping", "text", "small")
    lines = found["mapping"][0].splitlines()
    assert lines[:5] == ["  type   dict", "  items  42", "", "    train  [0, 1, 2, 3, … 100]", "    token  (hidden)"]
    assert lines[-2:] == ["    k17    17", "    …"]
    assert found["text"][0].splitlines()[:4] == ["  type    str", "  length  7,000 characters", "", "    a line"]
    assert found["small"] == ("", None)
