"""Digests of large buffers: the same whoever makes them, with any number of threads."""

import _thread
import hashlib
import os
import time

import pytest
from devstash import entry, hashing
from devstash.encode import encode


def reference(data):
    pieces = [data[start : start + hashing.PIECE] for start in range(0, len(data), hashing.PIECE)]
    return hashlib.sha256(b"".join(hashlib.sha256(piece).digest() for piece in pieces)).digest()


def left_over(before):
    """How many more threads there are than before; one that has done its work takes a moment to go."""
    until = time.monotonic() + 5
    while _thread._count() > before and time.monotonic() < until:
        time.sleep(0.001)
    return _thread._count() - before


@pytest.mark.parametrize("size", [0, 1, hashing.PIECE - 1, hashing.PIECE, hashing.PIECE + 1, 5 * hashing.PIECE + 3])
@pytest.mark.parametrize("processors", [1, 2, 8])
def test_number_of_threads_does_not_count(size, processors, monkeypatch):
    data = os.urandom(size)
    monkeypatch.setattr(hashing, "_processors", lambda: processors)
    threads = _thread._count()
    assert hashing.digest_of(memoryview(data)) == reference(data)
    small = hashlib.blake2b(data, digest_size=16).digest()
    assert entry.buffer_digest(memoryview(data)) == (small if size <= hashing.PIECE else reference(data)[:16])
    assert left_over(threads) == 0


def test_no_thread_can_be_started(monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(hashing, "start_new_thread", refuse)
    data = os.urandom(3 * hashing.PIECE)
    assert hashing.digest_of(memoryview(data)) == reference(data)


def test_trouble_in_a_thread_is_told(monkeypatch):
    real = hashing._sha256

    def fails(data, **options):
        if len(data) == hashing.PIECE:
            raise MemoryError
        return real(data, **options)

    monkeypatch.setattr(hashing, "_sha256", fails)
    monkeypatch.setattr(hashing, "_processors", lambda: 4)
    with pytest.raises(MemoryError):
        hashing.digest_of(memoryview(bytes(4 * hashing.PIECE)))


def test_a_digest_that_is_not_wanted_any_more():
    threads = _thread._count()
    pieces = hashing.Pieces(memoryview(bytes(20 * hashing.PIECE)))
    pieces.help(3)
    pieces.cancel()
    assert left_over(threads) == 0
    assert not all(pieces._digests)  # most of them were never made


LARGE = 9 << 20


def test_large_arguments_count_by_all_of_their_bytes():
    data = bytearray(os.urandom(LARGE))
    values = [bytes(data), bytes(data[:-1]), bytes(data) + b"\0", data]
    for place in (0, LARGE // 2, LARGE - 1):
        other = bytearray(data)
        other[place] ^= 1
        values.append(bytes(other))
    values += [[bytes(data)], [bytes(data), bytes(data)], {"k": bytes(data)}, "x" * LARGE, "y" * LARGE]
    digests = [encode(value) for value in values]
    assert len(set(digests)) == len(digests)
    assert digests == [encode(value) for value in values]


def test_large_arrays_count_by_all_of_their_elements():
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(LARGE // 8 + 5, dtype="float64")
    digests = {encode(array), encode(array.reshape(1, -1)), encode(array.astype("int64")), encode(array[:-1])}
    for place in (0, len(array) - 1):
        other = array.copy()
        other[place] += 1
        digests.add(encode(other))
    assert len(digests) == 6 and encode(array.copy()) == encode(array)
    assert encode({"a": array, "s": {3, 1, 2}}) == encode({"a": array.copy(), "s": {2, 3, 1}})
