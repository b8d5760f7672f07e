"""What a result says of the tokens that it has cost."""

import json

import pytest
from devstash.tokens import tokens


class Model:
    """As pydantic's models: fields in `__dict__`, and a class that does something when it is asked for more."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def __getattr__(self, name):
        raise AssertionError(f"it was asked for {name}")

    @property
    def usage_metadata(self):
        raise AssertionError("a property was asked")


class Slotted:
    __slots__ = ("usage",)


OPENAI = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10, "prompt_tokens_details": {"cached_tokens": 0}}
RESPONSES = {
    "input_tokens": 7,
    "output_tokens": 4,
    "total_tokens": 11,
    "output_tokens_details": {"reasoning_tokens": 2},
}
ANTHROPIC = {
    "input_tokens": 5,
    "output_tokens": 2,
    "cache_creation_input_tokens": 100,
    "cache_read_input_tokens": None,
    "service_tier": "standard",
}


def slotted():
    thing = Slotted()
    thing.usage = OPENAI
    return thing


CASES = {
    "a dict of openai": ({"usage": OPENAI}, 10),
    "a model of openai": (Model(id="x", usage=Model(**OPENAI)), 10),
    "a response of openai": (Model(usage=Model(**RESPONSES)), 11),
    "a model of anthropic": (Model(usage=Model(**ANTHROPIC)), 107),
    "embeddings": (Model(usage={"prompt_tokens": 9, "total_tokens": 9}), 9),
    "without a total": ({"usage": {"prompt_tokens": 9, "completion_tokens": 1}}, 10),
    "a message of langchain": (Model(usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}), 3),
    "google": (Model(usage_metadata=Model(prompt_token_count=1, total_token_count=8)), 8),
    "slots": (slotted(), 10),
    "text of JSON": (json.dumps({"usage": OPENAI}), 10),
    "bytes of JSON": (json.dumps({"usage": OPENAI}).encode(), 10),
    "no tokens at all": ({"usage": {"total_tokens": 0}}, 0),
    "none": (None, None),
    "a number": (7, None),
    "a dict": ({"a": 1}, None),
    "no record": ({"usage": None}, None),
    "another record": ({"usage": {"cpu": 3}}, None),
    "another kind of number": ({"usage": {"total_tokens": True, "input_tokens": "3", "output_tokens": 1.5}}, None),
    "less than nothing": ({"usage": {"total_tokens": -5}}, None),
    "no JSON": ('{"usage": {"total_tokens": ', None),
    "JSON of something else": ('["usage"]', None),
    "a class": (Model, None),
    "a list": ([{"usage": OPENAI}], None),
}


@pytest.mark.parametrize("name", CASES)
def test_tokens_of_a_result(name):
    value, expected = CASES[name]
    assert tokens(value) == expected


def chunk(**fields):
    return Model(choices=[], **fields)


OPENAI_STREAM = [chunk(usage=None), chunk(usage=None), chunk(usage=Model(**OPENAI))]
ANTHROPIC_STREAM = [
    Model(type="message_start", message=Model(usage=Model(input_tokens=50, output_tokens=1))),
    Model(type="content_block_delta", delta=Model(text="x")),
    Model(type="message_delta", usage=Model(output_tokens=20, input_tokens=None)),
    Model(type="message_stop"),
]


def sent(events):
    """What a response of events sent, in two parts."""
    data = b"".join(b"event: x\ndata: %s\n\n" % json.dumps(event).encode() for event in events) + b"data: [DONE]\n\n"
    return {"class": object, "chunks": [data[:40], data[40:]], "seconds": 1.0}


STREAMS = {
    "openai": (OPENAI_STREAM, {"kind": "iterator"}, 10),
    "anthropic": (ANTHROPIC_STREAM, {"kind": "generator"}, 70),
    "what a generator returned": ({"items": ["a"], "returned": Model(usage=OPENAI)}, {"returned": True}, 10),
    "events of a response": ([Model(type="response.completed", response=Model(usage=RESPONSES))], {}, 11),
    "as openai sent it": (sent([{"usage": None}, {"choices": [], "usage": OPENAI}]), {"kind": "openai"}, 10),
    "as anthropic sent it": (
        sent([{"message": {"usage": {"input_tokens": 5, "output_tokens": 1}}}, {"usage": {"output_tokens": 9}}]),
        {"kind": "anthropic"},
        14,
    ),
    "texts": (["a", "b"], {"kind": "generator"}, None),
    "nothing": ([], {}, None),
    "compressed": ({"chunks": [b"\x1f\x8b\x08"]}, {}, None),
}


@pytest.mark.parametrize("name", STREAMS)
def test_tokens_of_a_stream(name):
    value, effect, expected = STREAMS[name]
    assert tokens(value, effect) == expected
