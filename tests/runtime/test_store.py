"""What the folder promises: complete or absent, ours alone, every trouble a miss or a refusal with a reason."""

import errno
import json
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from devstash import checked, entry, folder, manifest, refusals, secret, store
from devstash.system import os  # what the runtime uses, so that a test can break it

RUNTIME = Path(__file__).resolve().parents[2] / "src" / "runtime"
LARGE = bytes(range(256)) * 400


class Key:
    """Stands in for key.Key."""

    qualname = "get"
    previews: "dict[str, str]" = {}

    def __init__(self, number=0, module="requests.api"):
        self.module = module
        self.digest = f"{number:016x}"

    def text(self):
        return b'{"argument n":"%s"}' % self.digest.encode()


class Site:
    """Stands in for site.Site."""

    file, line, scope, text, name = "/home/me/analyse.py", 12, "", "x = run(3)", None

    def __init__(self, ttl=None, refresh=False, load=None):
        self.ttl = ttl
        self.refresh = refresh
        self.load = load
        self.replay = ()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def shelf(home):
    return store.Store(str(home / "cache"))


def save(shelf, value, key=None):
    key = key or Key()
    shelf.save(key, value, {"duration": 0.5, "site": Site()})
    return Path(shelf.path(key))


def miss(shelf, site=None, key=None):
    found, value = shelf.load(key or Key(), site or Site())
    assert not found
    return value


def unwritable(shelf, value="value", key=None):
    with pytest.raises(refusals.Unwritable) as caught:
        save(shelf, value, key)
    assert not drafts(shelf)
    return str(caught.value)


def drafts(shelf):
    try:
        return os.listdir(f"{shelf.folder}/{folder.DRAFTS}")
    except OSError:
        return []


# --- the ordinary course


def test_absent_then_kept_then_found(shelf):
    assert miss(shelf).reason == "absent"
    save(shelf, {"a": 1})
    assert shelf.load(Key(), Site()) == (True, {"a": 1})
    assert store.Store(shelf.folder).load(Key(), Site()) == (True, {"a": 1})


@pytest.mark.parametrize("value", [None, False, 0, "", [], float("inf")])
def test_values_that_look_like_nothing_are_found(shelf, value):
    save(shelf, value)
    assert shelf.load(Key(), Site()) == (True, value)


def test_saving_again_replaces(shelf):
    save(shelf, 1)
    path = save(shelf, 2)
    assert shelf.load(Key(), Site()) == (True, 2)
    assert [name for name in os.listdir(shelf.folder) if name.endswith(".pkl")] == [path.name]


def test_refresh_finds_nothing_and_replaces(shelf):
    save(shelf, 1)
    fresh = store.Store(shelf.folder, refresh=True)
    assert miss(fresh).reason == "refresh"
    assert miss(shelf, Site(refresh=True)).reason == "refresh"
    save(fresh, 2)
    assert shelf.load(Key(), Site()) == (True, 2)


def test_access_time_is_set_on_a_hit_and_the_time_of_making_stays(shelf):
    path = save(shelf, 1)
    made = 1_600_000_000_123_456_789
    os.utime(path, ns=(made, made))
    before = time.time()
    assert shelf.load(Key(), Site())[0]
    found = path.stat()
    assert found.st_mtime_ns == made
    assert found.st_atime >= before - 1


def test_manifest_and_file_agree_on_when_it_was_made(shelf):
    path = save(shelf, 1)
    data = path.read_bytes()
    stream, length, *_ = entry.numbers(memoryview(data)[-entry.FOOTER : -64])
    created = json.loads(data[stream : stream + length])["created"]
    assert created == manifest.rfc3339(path.stat().st_mtime_ns)


@pytest.mark.parametrize(
    "age, ttl, reason",
    [
        (10, None, None),
        (10**9, None, None),
        (50, 60, None),
        (61, 60, "expired"),
        (86400 * 8, 86400 * 7, "expired"),
        (-30, 60, None),  # another machine's clock
        (-3600, 60, "expired"),  # no age that could be trusted
        (-3600, None, None),
    ],
)
def test_ttl_is_judged_by_the_time_of_making(shelf, age, ttl, reason):
    path = save(shelf, 1)
    made = time.time() - age
    os.utime(path, (time.time(), made))
    found, value = shelf.load(Key(), Site(ttl=ttl))
    assert (None if found else value.reason) == reason


def test_expired_says_how_old(shelf):
    path = save(shelf, 1)
    os.utime(path, (0, time.time() - 313))
    assert miss(shelf, Site(ttl=60)).detail == "4m 13s ago, ttl 1m"


# --- names


@pytest.mark.parametrize(
    "module, qualname, name",
    [
        ("requests.api", "get", "requests.api__get__0123456789abcdef.pkl"),
        ("__main__", "Cleaner.run", "__main____Cleaner.run__0123456789abcdef.pkl"),
        ("__main__", "f.<locals>.<lambda>", "__main____f._locals_._lambda___0123456789abcdef.pkl"),
        ("größe", "naïve\n/../x", "gr__e__na_ve__.._x__0123456789abcdef.pkl"),
        ("..", "x", "_.__x__0123456789abcdef.pkl"),
        ("-rf", "x", "_rf__x__0123456789abcdef.pkl"),
        ("", "", "____0123456789abcdef.pkl"),
        ("\udcff", "x", "___x__0123456789abcdef.pkl"),
    ],
)
def test_names_are_harmless(module, qualname, name):
    assert store.entry_name(module, qualname, "0123456789abcdef") == name
    assert folder.is_entry_name(name) or not module


@pytest.mark.parametrize("length", [10, 96, 97, 98, 99, 100, 101, 1000])
def test_names_are_short_on_every_file_system(length):
    name = store.entry_name("m" * (length // 2), "ü" * (length - length // 2 - 2), "0123456789abcdef")
    assert len(name) == min(length + 22, store.NAME_LENGTH)
    assert name.startswith("m") and name.endswith("___0123456789abcdef.pkl")


# --- the folder


def test_folder_is_private_and_polite(shelf):
    path = save(shelf, 1)
    top = path.parent
    assert sorted(os.listdir(top)) == [
        ".gitignore", ".tmp", "CACHEDIR.TAG", "README.txt", "format", path.name
    ]  # fmt: skip
    assert stat.S_IMODE(top.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (top / ".gitignore").read_text() == "*\n"
    assert (top / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert (top / "format").read_text() == "1\n"
    assert "pickle.load" in (top / "README.txt").read_text()


def test_folder_is_not_made_by_looking(shelf):
    assert miss(shelf).reason == "absent"
    assert not os.path.exists(shelf.folder)
    assert not os.path.exists(secret.path())


def test_folder_is_made_with_its_parents(home):
    deep = store.Store(str(home / "a" / "b" / "cache"))
    save(deep, 1)
    assert deep.load(Key(), Site()) == (True, 1)


def test_empty_folder_is_adopted(home):
    (home / "cache").mkdir(mode=0o755)
    shelf = store.Store(str(home / "cache"))
    save(shelf, 1)
    assert stat.S_IMODE((home / "cache").stat().st_mode) == 0o700


def test_folder_of_the_python_package_devstash_is_adopted(home):
    old = home / ".devstash_cache"
    old.mkdir(mode=0o755)
    (old / "requests.api__get__0000000000000000.pkl").write_bytes(b"\x80\x04N.")
    (old / "index.json").write_text("{}")
    shelf = store.Store(str(old))
    assert miss(shelf).reason == "damaged"
    save(shelf, 1)
    assert shelf.load(Key(), Site()) == (True, 1)
    assert (old / "index.json").exists()


def test_interrupted_making_is_finished(home):
    for name in (".tmp", ".blobs", ".locks", ".stat"):
        (home / "cache" / name).mkdir(parents=True)
    (home / "cache" / ".gitignore").write_text("*\n")
    shelf = store.Store(str(home / "cache"))
    save(shelf, 1)
    assert (home / "cache" / "format").exists()


def test_somebody_elses_folder_is_left_alone(home):
    (home / "project").mkdir()
    (home / "project" / "main.py").write_text("")
    assert "`main.py`" in unwritable(store.Store(str(home / "project")))
    assert os.listdir(home / "project") == ["main.py"]


def test_a_file_in_place_of_the_folder(home):
    (home / "cache").write_text("x")
    shelf = store.Store(str(home / "cache"))
    assert miss(shelf).reason == "absent"
    assert "not a folder" in unwritable(shelf)
    assert (home / "cache").read_text() == "x"


def test_layout_of_the_future_is_not_written_to(shelf):
    save(shelf, 1)
    Path(shelf.folder, "format").write_text("2\n")
    assert "layout '2'" in unwritable(store.Store(shelf.folder))


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_folder_that_others_can_write_to_is_refused(shelf, mode):
    save(shelf, 1)
    os.chmod(shelf.folder, mode)
    again = store.Store(shelf.folder)
    assert miss(again).reason == "foreign"
    assert "chmod 700" in unwritable(again)


def test_folder_removed_meanwhile_is_made_again(shelf):
    import shutil

    save(shelf, 1)
    shutil.rmtree(shelf.folder)
    assert miss(shelf).reason == "absent"
    save(shelf, 2)
    assert shelf.load(Key(), Site()) == (True, 2)
    assert Path(shelf.folder, ".gitignore").exists()


def test_drafts_folder_removed_meanwhile_is_made_again(shelf):
    save(shelf, 1)
    os.rmdir(f"{shelf.folder}/{folder.DRAFTS}")
    save(shelf, 2)
    assert shelf.load(Key(), Site()) == (True, 2)


def test_stale_drafts_go_and_fresh_ones_stay(shelf):
    save(shelf, 1)
    top = Path(shelf.folder, folder.DRAFTS)
    for name, age in (("1-old", 90_000), ("2-new", 3600)):
        (top / name).write_text("")
        os.utime(top / name, (0, time.time() - age))
    save(store.Store(shelf.folder), 2)
    assert os.listdir(top) == ["2-new"]


# --- what may be in an entry's place


def test_folder_in_its_place(shelf):
    path = save(shelf, 1)
    path.unlink()
    path.mkdir()
    assert miss(shelf).reason == "foreign"
    save(shelf, 2)
    assert shelf.load(Key(), Site()) == (True, 2)


def test_folder_that_holds_something_in_its_place(shelf):
    path = save(shelf, 1)
    path.unlink()
    path.mkdir()
    (path / "precious").write_text("")
    unwritable(shelf)
    assert (path / "precious").exists()


def test_fifo_in_its_place_does_not_block(shelf):
    path = save(shelf, 1)
    path.unlink()
    os.mkfifo(path)
    assert miss(shelf).reason == "foreign"
    save(shelf, 2)
    assert shelf.load(Key(), Site()) == (True, 2)


def test_symbolic_link_in_its_place_is_not_followed(shelf, home):
    path = save(shelf, 1)
    path.rename(home / "elsewhere")
    path.symlink_to(home / "elsewhere")
    assert miss(shelf).reason == "foreign"
    save(shelf, 2)
    assert shelf.load(Key(), Site()) == (True, 2)
    assert not path.is_symlink()


def test_file_that_others_can_write_to_is_refused(shelf):
    path = save(shelf, 1)
    path.chmod(0o620)
    assert miss(shelf).reason == "foreign"


def test_files_of_another_user_are_refused(shelf, monkeypatch):
    save(shelf, 1)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert miss(shelf).reason == "foreign"
    again = store.Store(shelf.folder)
    assert "another user" in unwritable(again)


def failing(monkeypatch, name, number, when=lambda *_, **__: True):
    """Let the function `name` of the operating system fail."""
    real = getattr(os, name)

    def fake(*args, **kwargs):
        if when(*args, **kwargs):
            raise OSError(number, os.strerror(number))
        return real(*args, **kwargs)

    monkeypatch.setattr(os, name, fake)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE])
def test_entry_that_cannot_be_opened_is_unreadable(shelf, monkeypatch, number):
    save(shelf, 1)
    failing(monkeypatch, "open", number, lambda path, *_: path.endswith(".pkl"))
    found = miss(shelf)
    assert (found.reason, found.detail) == ("unreadable", os.strerror(number))


def test_entry_that_cannot_be_read_is_unreadable(shelf, monkeypatch):
    save(shelf, 1)
    failing(monkeypatch, "read", errno.EIO)
    assert miss(shelf).reason == "unreadable"


# --- trouble while writing


@pytest.mark.parametrize("name", ["open", "write", "utime", "replace", "pwrite", "pread", "ftruncate"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EFBIG])
def test_trouble_with_the_disk_leaves_the_old_entry_and_no_draft(shelf, monkeypatch, name, number):
    large = [str(n) for n in range(200_000)]
    save(shelf, "old")
    value = [large, lambda: 1] if name == "ftruncate" else large  # a lambda makes it begin again
    with monkeypatch.context() as patched:
        failing(patched, name, number)
        assert os.strerror(number) in unwritable(shelf, value)
    assert shelf.load(Key(), Site()) == (True, "old")


def test_disk_full_in_the_middle_of_a_large_buffer(shelf, monkeypatch):
    class Block:
        def __reduce_ex__(self, protocol):
            import pickle

            return Block, (pickle.PickleBuffer(bytearray(20 << 20)),)

    monkeypatch.setattr(sys.modules[__name__], "Block", Block, raising=False)
    Block.__qualname__ = "Block"
    save(shelf, "old")
    with monkeypatch.context() as patched:
        seen = []
        failing(patched, "write", errno.ENOSPC, lambda fd, data: seen.append(1) or len(seen) > 3)
        assert "No space left" in unwritable(shelf, Block())
    assert shelf.load(Key(), Site()) == (True, "old")


def test_writes_taken_in_parts_are_continued(shelf, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data[:4000])))
    value = [str(n) for n in range(200_000)]
    save(shelf, value)
    assert shelf.load(Key(), Site()) == (True, value)


def test_value_that_cannot_be_pickled_leaves_nothing(shelf):
    import threading

    save(shelf, "old")
    with pytest.raises(refusals.Unstorable) as caught:
        save(shelf, [[str(n) for n in range(200_000)], threading.Lock()])
    assert caught.value.path == "result[1]"
    assert not drafts(shelf)
    assert shelf.load(Key(), Site()) == (True, "old")


class Interrupting:
    def __reduce__(self):
        raise KeyboardInterrupt


def test_interrupted_by_the_user_leaves_nothing(shelf):
    save(shelf, "old")
    with pytest.raises(KeyboardInterrupt):
        save(shelf, [[str(n) for n in range(200_000)], Interrupting()])
    assert not drafts(shelf)
    assert shelf.load(Key(), Site()) == (True, "old")


def child(home, text, **options):
    head = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from devstash import refusals, store\n"
        "class Key:\n"
        "    module, qualname, digest, previews = 'requests.api', 'get', '0' * 16, {}\n"
        '    def text(self): return b\'{"argument n":"0000000000000000"}\'\n'
        "shelf, key = store.Store(sys.argv[2]), Key()\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + text, str(RUNTIME), str(home / "cache")],
        env={"XDG_DATA_HOME": str(home / "data"), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_file_size_limit_is_told_and_leaves_nothing(shelf, home):
    save(shelf, "old")
    text = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 21, 1 << 21))\n"
        "try:\n    shelf.save(key, [str(n) for n in range(1_000_000)], {})\n"
        "except refusals.Unwritable as error:\n    print(error)\n"
    )
    with child(home, text) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert "File too large" in out
    assert not drafts(shelf)
    assert shelf.load(Key(), Site()) == (True, "old")


@pytest.mark.parametrize("instant", range(12))
def test_killed_while_storing_leaves_the_old_entry_or_the_new_one(shelf, home, instant):
    old = {"kind": "old"}
    save(shelf, old)
    # Killed by its own hand at the n-th call of the system that writing makes.
    text = (
        "import signal\n"
        f"left = {instant}\n"
        "def dying(real):\n"
        "    def call(*args, **kwargs):\n"
        "        global left\n"
        "        left -= 1\n"
        "        if left < 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return real(*args, **kwargs)\n"
        "    return call\n"
        "for name in ('open', 'write', 'pwrite', 'pread', 'utime', 'fstat', 'close', 'replace'):\n"
        "    setattr(os, name, dying(getattr(os, name)))\n"
        "shelf.save(key, [str(n) for n in range(300_000)], {})\n"
    )
    with child(home, text) as process:
        process.communicate()
    assert process.returncode in (0, -signal.SIGKILL)
    found, value = shelf.load(Key(), Site())
    assert found
    assert value == old or len(value) == 300_000
    save(shelf, "new")
    assert shelf.load(Key(), Site()) == (True, "new")


def test_killed_at_random_instants(shelf, home):
    save(shelf, [0] * 100_000)
    text = "n = 0\nwhile True:\n    n += 1\n    shelf.save(key, [n] * 100_000 + [str(n)] * 400_000, {})\n"
    for wait in (0.15, 0.2, 0.23, 0.29, 0.31):
        with child(home, text) as process:
            time.sleep(wait)
            process.kill()
            process.communicate()
        found, value = shelf.load(Key(), Site())
        assert found
        assert len(set(value[:100_000])) == 1


# --- several at once


def test_threads_and_processes_save_and_load_the_same_entry(shelf, home):
    text = "for n in range(150):\n    shelf.save(key, [n] * 3000, {})\n"
    save(shelf, [0] * 3000)
    with child(home, text) as one, child(home, text) as other, ThreadPoolExecutor(4) as pool:

        def work(number):
            for n in range(100):
                if number == 0:
                    save(shelf, [n] * 3000)
                found, value = shelf.load(Key(), Site())
                assert found, value
                assert len(value) == 3000 and len(set(value)) == 1
            return True

        assert all(pool.map(work, range(4)))
        assert one.communicate()[1] == other.communicate()[1] == ""
    assert not drafts(shelf)


def test_several_make_folder_and_key_at_once(home):
    text = "shelf.save(key, 1, {})\nclass S: ttl = refresh = load = replay = None\nprint(shelf.load(key, S)[0])\n"
    processes = [child(home, text) for _ in range(6)]
    results = []
    for process in processes:
        with process:
            results.append(process.communicate())
    assert results == [("True\n", "")] * 6
    assert os.listdir(home / "data" / "devstash") == ["key"]


# --- the key file


def test_key_is_made_once_and_private(shelf):
    save(shelf, 1)
    path = Path(secret.path())
    key = path.read_bytes()
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    save(store.Store(shelf.folder), 2)
    assert path.read_bytes() == key


def test_key_lies_in_the_home_folder_by_default(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_DATA_HOME", value)
        assert secret.path() == f"{tmp_path}/.local/share/devstash/key"


def test_without_the_key_nothing_is_found(shelf):
    save(shelf, 1)
    os.unlink(secret.path())
    again = store.Store(shelf.folder)
    assert miss(again).reason == "no key file"
    save(again, 2)  # makes another key
    assert again.load(Key(), Site()) == (True, 2)
    assert miss(shelf).reason == "foreign"  # still with the key that is gone


@pytest.mark.parametrize("spoil", ["short", "long", "empty", "open", "link", "folder"])
def test_key_that_is_not_as_it_should_be_is_refused(shelf, home, spoil):
    save(shelf, 1)
    path = Path(secret.path())
    if spoil in ("short", "long", "empty"):
        path.write_bytes(b"x" * {"short": 31, "long": 33, "empty": 0}[spoil])
    elif spoil == "open":
        path.chmod(0o640)
    else:
        path.rename(home / "moved")
        path.symlink_to(home / "moved") if spoil == "link" else path.mkdir()
    again = store.Store(shelf.folder)
    assert miss(again).reason == "no key file"
    assert "`" + str(path) in unwritable(again)


def test_key_that_cannot_be_made_is_told(shelf, monkeypatch):
    failing(monkeypatch, "makedirs", errno.EROFS, lambda path, **_: "data" in path)
    assert os.strerror(errno.EROFS) in unwritable(shelf)


def test_key_on_a_file_system_without_links(shelf, monkeypatch):
    failing(monkeypatch, "link", errno.EPERM)
    save(shelf, 1)
    assert shelf.load(Key(), Site()) == (True, 1)
    assert os.listdir(os.path.dirname(secret.path())) == ["key"]


# --- large entries


class Block:
    def __init__(self, data):
        self.data = data

    def __reduce_ex__(self, protocol):
        import pickle

        return Block, (pickle.PickleBuffer(self.data),)


def spoiled(path):
    """Flip a bit in the middle of the large buffer, so that nothing else tells of it."""
    found = path.stat()
    with open(path, "r+b") as file:
        file.seek(1 << 20)
        byte = file.read(1)[0]
        file.seek(1 << 20)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def in_another_life(shelf):
    """As if the machine had been started again."""
    for name in os.listdir(shelf.folder):
        if name.startswith(checked.PREFIX):
            os.rename(f"{shelf.folder}/{name}", f"{shelf.folder}/{checked.PREFIX}0")
    return store.Store(shelf.folder)


def test_large_buffers_are_checked_once_after_a_restart(shelf, monkeypatch):
    path = save(shelf, Block(bytearray(LARGE * 30)))
    again = in_another_life(shelf)
    digests = []
    real = entry.buffer_digest
    monkeypatch.setattr(entry, "buffer_digest", lambda data: digests.append(1) or real(data))
    assert store.Store(shelf.folder).load(Key(), Site())[0]
    assert store.Store(shelf.folder).load(Key(), Site())[0]
    assert again.load(Key(), Site())[0]
    assert digests == [1]
    spoiled(path)
    assert miss(in_another_life(shelf)).reason == "damaged"


def test_copied_entry_counts_as_unchecked(shelf, home):
    path = save(shelf, Block(bytearray(LARGE * 30)))
    spoiled(path)
    (home / "copy").write_bytes(path.read_bytes())
    os.utime(home / "copy", ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    (home / "copy").chmod(0o600)
    os.replace(home / "copy", path)
    assert miss(store.Store(shelf.folder)).reason == "damaged"


def test_where_the_machine_does_not_tell_its_lives_apart_each_process_checks(shelf, monkeypatch):
    monkeypatch.setattr(checked, "_boot", lambda: "")
    path = save(shelf, Block(bytearray(LARGE * 30)))
    assert not [name for name in os.listdir(shelf.folder) if name.startswith(checked.PREFIX)]
    spoiled(path)
    assert miss(store.Store(shelf.folder)).reason == "damaged"


def test_evidence_of_other_lives_goes_in_time(shelf):
    save(shelf, 1)
    for name, age in (("old", 40), ("recent", 3)):
        other = Path(shelf.folder, checked.PREFIX + name)
        other.write_text("")
        os.utime(other, (0, time.time() - age * 86400))
    save(shelf, Block(bytearray(LARGE * 30)))
    names = {name for name in os.listdir(shelf.folder) if name.startswith(checked.PREFIX)}
    assert checked.PREFIX + "recent" in names and checked.PREFIX + "old" not in names
    assert len(names) == 2


def test_replaced_while_it_is_mapped_stays_as_it_was(shelf):
    save(shelf, Block(bytearray(LARGE * 30)))
    value = shelf.load(Key(), Site())[1]
    save(shelf, "something else")
    assert bytes(value.data) == LARGE * 30


def test_many_large_entries_kept_open_do_not_use_up_descriptors(shelf, monkeypatch):
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    value = Block(bytearray(LARGE * 11))
    save(shelf, value)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, limit[1]))
    try:
        kept = [shelf.load(Key(), Site()) for _ in range(600)]
        with open(os.devnull):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert all(found for found, _ in kept)
