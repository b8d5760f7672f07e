"""A mapped buffer that nobody has written to need not be hashed; any other is."""

import os
import shutil
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from devstash import entry, mapped, scientific, store
from devstash.encode import encode

numpy = pytest.importorskip("numpy", reason="numpy is not installed")

# Whether this system tells which pages were written. Where it does not, every array is hashed.
TELLS = os.path.exists("/proc/self/pagemap")

LENGTH = 300_000  # numbers of 8 bytes

KEY = SimpleNamespace(
    module="features", qualname="load", digest="0c4579007009458c", previews={}, text=lambda: b'{"callable":"aa"}'
)
SITE = SimpleNamespace(
    file="/home/me/analyse.py", line=12, scope="", text="x = run(3)", name=None,
    ttl=None, refresh=False, load=None, replay=(),
)  # fmt: skip


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return store.Store(str(tmp_path / "cache"))


@pytest.fixture
def hit(shelf):
    """Two arrays, mapped from one entry."""
    rng = numpy.random.default_rng(0)
    shelf.save(KEY, [rng.random(LENGTH), rng.random(LENGTH)], {"duration": 0.25, "site": SITE})
    found, arrays = shelf.load(KEY, SITE)
    assert found
    return arrays


def known(array):
    """Whether the array's bytes need not be hashed; its digest must be right in any case."""
    view = memoryview(array).cast("B")
    digest = mapped.untouched(view)
    assert digest in (None, entry.buffer_digest(view))
    assert encode(array) == encode(array.copy())
    return digest is not None


def test_untouched_or_only_read(hit):
    assert known(hit[0]) == TELLS
    assert hit[0].sum() > 0
    assert known(hit[0]) == known(hit[1]) == TELLS


def test_its_key_is_made_without_hashing(hit, monkeypatch):
    expected = encode(hit[0].copy())
    hashed = []
    real = entry.buffer_digest
    monkeypatch.setattr(entry, "buffer_digest", lambda view: hashed.append(len(view)) or real(view))
    assert encode(hit[0]) == expected
    assert hashed == ([] if TELLS else [LENGTH * 8])


@pytest.mark.parametrize("place", [0, 1, LENGTH // 2, LENGTH - 1])
def test_one_element_written(hit, place):
    before = encode(hit[0])
    hit[0][place] += 1
    assert not known(hit[0])
    if place == LENGTH // 2:  # at their ends they share a page
        assert known(hit[1]) == TELLS
    assert encode(hit[0]) != before


def test_written_with_what_was_there(hit):
    before = encode(hit[0])
    hit[0][7] = hit[0][7]
    assert not known(hit[0])
    assert encode(hit[0]) == before


def test_written_through_a_view(hit):
    hit[0].reshape(100, -1).T[5, 5] = 0
    assert not known(hit[0])


def test_written_by_the_kernel(hit, tmp_path):
    (tmp_path / "block").write_bytes(b"x" * 4096)
    with open(tmp_path / "block", "rb", buffering=0) as file:
        file.readinto(memoryview(hit[0]).cast("B")[80_000:84_096])
    assert not known(hit[0])


def test_written_by_another_thread(hit):
    thread = threading.Thread(target=hit[0].sort)
    thread.start()
    thread.join()
    assert not known(hit[0])


def test_written_before_a_fork(hit):
    hit[0][LENGTH // 2] = 5
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = int(known(hit[0]) or known(hit[1]) != TELLS)
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def test_a_part_of_it_is_hashed(hit):
    assert not known(hit[0][1:])
    assert not known(hit[0][:-1])


def test_an_array_elsewhere(hit):
    assert not known(numpy.zeros(LENGTH))


def test_its_file_is_replaced(hit, shelf, tmp_path):
    path = shelf.path(KEY)
    shutil.copy(path, tmp_path / "copy")
    os.replace(tmp_path / "copy", path)
    assert not known(hit[0])


def test_its_file_is_removed(hit, shelf):
    Path(shelf.path(KEY)).unlink()
    assert not known(hit[0])


def test_its_file_is_a_link(hit, shelf, tmp_path):
    path = Path(shelf.path(KEY))
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert not known(hit[0])


def test_without_numpy(hit, monkeypatch):
    view = memoryview(hit[0]).cast("B")
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert mapped.untouched(view) is None


@pytest.mark.parametrize("answer", [0, 1, 2, 3, 4, 6, 7])
def test_a_kernel_that_does_not_tell(hit, monkeypatch, answer):
    """It says the same of a page that was written and of one that was not."""
    real = os.pread

    def pread(fd, size, place):
        if os.readlink(f"/proc/self/fd/{fd}").endswith("/pagemap"):
            return (answer << 61).to_bytes(8, "little") * (size // 8)
        return real(fd, size, place)

    monkeypatch.setattr(mapped.os, "pread", pread)
    assert mapped.untouched(memoryview(hit[0]).cast("B")) is None


@pytest.mark.parametrize("answer, expected", [(0, True), (5, True), (1, False), (2, False), (4, False), (7, False)])
def test_what_it_says_of_one_page(hit, monkeypatch, answer, expected):
    """Swapped out, being moved, there and not the file's: not certain."""
    real = os.pread

    def pread(fd, size, place):
        data = real(fd, size, place)
        if size > 16 and os.readlink(f"/proc/self/fd/{fd}").endswith("/pagemap"):
            data = data[:800] + (answer << 61).to_bytes(8, "little") + data[808:]
        return data

    monkeypatch.setattr(mapped.os, "pread", pread)
    assert (mapped.untouched(memoryview(hit[0]).cast("B")) is not None) == (expected and TELLS)


def test_answers_that_are_cut_short(hit, monkeypatch):
    real = os.pread

    def pread(fd, size, place):
        data = real(fd, size, place)
        return data[:-8] if size > 16 and os.readlink(f"/proc/self/fd/{fd}").endswith("/pagemap") else data

    monkeypatch.setattr(mapped.os, "pread", pread)
    assert mapped.untouched(memoryview(hit[0]).cast("B")) is None


def test_nothing_is_kept_alive(hit, shelf):
    assert [one for one in mapped._mappings if one[0]() is not None]
    mapping = mapped._mappings[-1][0]
    hit.clear()
    assert mapping() is None
    for _ in range(5):
        assert shelf.load(KEY, SITE)[0]
    assert len(mapped._mappings) <= 2


def test_small_buffers_are_not_asked_about(hit, monkeypatch):
    monkeypatch.setattr(mapped, "untouched", None)
    assert scientific._digest(memoryview(bytes(5000)))
