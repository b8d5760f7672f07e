"""Flattens nested JSON documents, joins them, and writes them back in a canonical form."""

import json
from functools import reduce

DOCUMENTS = [
    '{"user": {"id": 1, "name": "Ann", "tags": ["a", "b"]}, "active": true}',
    '{"user": {"id": 2, "name": "Bob", "tags": []}, "active": false, "note": null}',
    '{"user": {"id": 3, "name": "\\u00c7em", "tags": ["c"]}, "score": 1.50}',
]


def flatten(value, prefix=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{prefix}{key}.")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from flatten(inner, f"{prefix}{index}.")
    else:
        yield prefix.rstrip("."), value


def merge(left, right):
    return {**left, **{key: right[key] for key in sorted(right)}}


parsed = [json.loads(text) for text in DOCUMENTS]  # @devstash
flat = [dict(flatten(document)) for document in parsed]  # @devstash
for document in flat:
    print(document)
columns = sorted(set().union(*flat))  # @devstash
print(columns)
merged = reduce(merge, flat, {})  # @devstash
print(json.dumps(merged, ensure_ascii=False, sort_keys=True))  # @devstash
text = json.dumps(parsed, separators=(",", ":"), sort_keys=True)  # @devstash
assert json.loads(text) == parsed
print(len(text))
