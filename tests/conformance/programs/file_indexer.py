"""Walks a folder, hashes files, finds duplicates, and writes an index."""

import hashlib
import json
import pathlib
import tempfile
import zlib

FILES = {"a.txt": b"same", "sub/b.txt": b"same", "sub/c.bin": bytes(range(256)), "empty": b""}


def digest(data, kind="sha256"):
    return hashlib.new(kind, data).hexdigest()[:12]


def walk(root):
    return sorted(path for path in root.rglob("*") if path.is_file())


def duplicates(index):
    seen = {}
    for name, entry in index.items():
        seen.setdefault(entry["digest"], []).append(name)
    return [names for names in seen.values() if len(names) > 1]


def build(root):
    index = {}
    for path in walk(root):
        data = path.read_bytes()
        key = digest(data)  # @devstash
        index[path.relative_to(root).as_posix()] = {"size": len(data), "digest": key}
    return index


with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    for name, data in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(data)
    index = build(root)
    (root / "index.json").write_text(json.dumps(index, indent=1))
    again = json.loads((root / "index.json").read_text())
    assert again == index
for name in sorted(index):
    print(name, index[name])
same = duplicates(index)  # @devstash
print(same)
packed = zlib.compress(b"".join(FILES.values()), 9)  # @devstash
print(zlib.decompress(packed)[:8])  # @devstash
print(digest(b"x", kind="md5"), digest(b"x"))  # @devstash
