"""One computation at a time: who waits for whom, who does not, and what is left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from devstash import locks

RUNTIME = Path(__file__).resolve().parents[2] / "src" / "runtime"
DIGEST = "0123456789abcdef"
OTHER = "fedcba9876543210"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return str(tmp_path / "cache")


def left(folder):
    """The lock files there are."""
    return sorted(path.name for path in Path(folder, ".locks").iterdir())


def take(folder, digest=DIGEST, say=None):
    return locks.take(folder, digest, say or (lambda text: None))


def in_thread(function):
    """Start a thread; returns it and the list that its result goes to."""
    result = []
    thread = threading.Thread(target=lambda: result.append(function()), daemon=True)
    thread.start()
    return thread, result


def process(folder, text):
    """Start a Python with the runtime that runs `text`; it may print."""
    head = f"""
        import os, sys, time
        sys.path.insert(0, {str(RUNTIME)!r})
        from devstash import locks
        def take(digest={DIGEST!r}):
            return locks.take({folder!r}, digest, lambda text: print(text, flush=True))
    """
    code = textwrap.dedent(head) + textwrap.dedent(text)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def test_a_turn_leaves_nothing_behind(folder):
    turn = take(folder)
    assert left(folder) == [DIGEST]
    turn.release(True)
    turn.release(True)
    assert left(folder) == []
    assert not locks._table


def test_another_thread_waits_and_is_not_the_next(folder):
    turn = take(folder)
    order = []

    def second():
        mine = take(folder)
        order.append("second")
        mine.release(True)

    thread, _ = in_thread(second)
    time.sleep(0.1)
    order.append("first")
    turn.release(True)
    thread.join(5)
    assert order == ["first", "second"]
    assert left(folder) == []


def test_waiters_of_a_call_that_was_made_go_on_together(folder):
    turn = take(folder)
    together = threading.Barrier(4)

    def wait():
        mine = take(folder)
        together.wait(5)  # nobody could be here if they went one after the other
        mine.release(False)
        return True

    started = [in_thread(wait) for _ in range(4)]
    time.sleep(0.1)
    turn.release(False)
    for thread, result in started:
        thread.join(10)
        assert result == [True]


def test_after_a_call_that_raised_one_tries_again(folder):
    turn = take(folder)
    running = []
    most = []

    def wait():
        mine = take(folder)
        running.append(1)
        most.append(len(running))
        time.sleep(0.1)
        running.pop()
        mine.release(True)

    started = [in_thread(wait)[0] for _ in range(4)]
    time.sleep(0.1)
    turn.release()
    for thread in started:
        thread.join(10)
    assert most[0] == 1 and len(most) == 4
    assert not locks._table


def test_recursion_does_not_wait(folder):
    outer = take(folder)
    inner = take(folder)
    inner.release(True)
    assert left(folder) == [DIGEST]  # still the outer one's
    outer.release(True)
    assert left(folder) == []


def test_threads_that_would_wait_for_each_other_do_not(folder):
    both = threading.Barrier(2)

    def one(first, second):
        outer = take(folder, first)
        both.wait(5)
        inner = take(folder, second)
        inner.release(True)
        outer.release(True)
        return True

    started = [in_thread(lambda: one(DIGEST, OTHER)), in_thread(lambda: one(OTHER, DIGEST))]
    for thread, result in started:
        thread.join(10)
        assert result == [True]


def test_who_waits_long_says_for_whom(folder):
    turn = take(folder)
    told = []
    thread, _ = in_thread(lambda: take(folder, say=told.append).release(True))
    time.sleep(0.5)
    assert told == []
    time.sleep(1)
    turn.release(True)
    thread.join(5)
    assert told == ["waiting for another thread, which is computing the same call"]


def test_a_thread_of_a_pool_does_not_wait_for_a_call_that_waits_for_it(folder):
    from concurrent.futures import ThreadPoolExecutor
    from multiprocessing.pool import ThreadPool

    with ThreadPoolExecutor(2) as futures, ThreadPool(2) as jobs:
        for hand_over in (
            lambda work: futures.submit(work).result(20),
            lambda work: list(futures.map(work, []) or []) or next(futures.map(lambda _: work(), [1])),
            lambda work: jobs.apply(work),
            lambda work: jobs.map(lambda _: work(), [1]),
            lambda work: in_thread(work)[0].join(20),
        ):
            outer = take(folder)
            started = time.monotonic()
            hand_over(lambda: take(folder).release(True))
            assert time.monotonic() - started < 5
            outer.release(True)


@pytest.mark.skipif(not Path("/proc/self/wchan").exists(), reason="the system does not tell what a thread waits for")
def test_a_lock_held_by_who_waits_ends_the_waiting(folder):
    lock = threading.Lock()
    ready = threading.Event()

    def holder():
        turn = take(folder)
        ready.set()
        with lock:
            turn.release(True)
        return True

    with lock:
        thread, result = in_thread(holder)
        ready.wait()
        started = time.monotonic()
        take(folder).release(True)
        assert time.monotonic() - started < 30
    thread.join(5)
    assert result == [True]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to threads")
def test_ctrl_c_gets_through(folder):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    turn = take(folder)
    thread, _ = in_thread(lambda: time.sleep(60))
    turn.thread = thread.ident
    timer = threading.Timer(0.3, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
    locks._current.set(None)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            take(folder)
    finally:
        signal.signal(signal.SIGINT, before)
    turn.release(True)
    assert not locks._table


# --- processes ----------------------------------------------------------------------------------------------------


def test_another_process_waits_and_says_for_whom(folder):
    turn = take(folder)
    other = process(folder, "take().release(True); print('done')")
    time.sleep(2)
    turn.release(True)
    printed, _ = other.communicate(timeout=20)
    assert printed == f"waiting for process {os.getpid()}, which is computing the same call\ndone\n"
    assert left(folder) == []


def test_a_killed_holder_blocks_nobody(folder):
    other = process(folder, "take(); print('has it', flush=True); time.sleep(60)")
    assert other.stdout.readline() == "has it\n"
    assert left(folder) == [DIGEST]
    thread, result = in_thread(lambda: take(folder).release(True))
    time.sleep(0.2)
    assert thread.is_alive()
    other.kill()
    thread.join(5)
    assert result == [None]
    other.communicate()
    assert left(folder) == []


def test_a_child_neither_keeps_nor_gives_back_its_parents_turn(folder):
    turn = take(folder)
    pid = os.fork()
    if not pid:
        turn.release(True)
        take(folder, OTHER).release(True)
        take(folder).release(True)  # the parent waits for us: we do not wait for it
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert left(folder) == [DIGEST]
    other = process(folder, "take().release(True)")
    time.sleep(0.5)
    assert other.poll() is None
    turn.release(True)
    other.communicate(timeout=20)


def test_processes_that_would_wait_for_each_other_do_not(folder):
    text = """
        outer = take({0!r})
        print("has it", flush=True)
        sys.stdin.readline()
        take({1!r}).release(True)
        outer.release(True)
    """
    pair = [process(folder, text.format(a, b)) for a, b in ((DIGEST, OTHER), (OTHER, DIGEST))]
    for one in pair:
        assert one.stdout.readline() == "has it\n"
    for one in pair:
        one.stdin.write("\n")
        one.stdin.flush()
    for one in pair:
        one.communicate(timeout=20)
        assert one.returncode == 0
    assert left(folder) == []


def test_files_of_killed_processes_go_after_a_day(folder):
    take(folder, OTHER).release(True)
    old, new = Path(folder, ".locks", "old"), Path(folder, ".locks", "new")
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    locks._swept.clear()
    take(folder).release(True)
    assert left(folder) == ["new"]


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    turn = take(str(tmp_path / "file" / "cache"))
    assert turn.computes and turn.fd == -1
    turn.release(True)


def test_a_file_system_without_locks_is_done_without(folder, monkeypatch):
    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(locks, "lockf", refuse)
    turn = take(folder)
    assert turn.computes and turn.fd == -1
    turn.release(True)
    assert f"{folder}/.locks" in locks._unlocked


# --- tasks --------------------------------------------------------------------------------------------------------


class Awaited:
    """What the runtime's own awaitable does."""

    def __init__(self, folder, digest=DIGEST, say=None):
        self.turn = locks.begin(folder, digest)
        self.say = say or (lambda text: None)

    def __await__(self):
        if not self.turn.computes:
            yield from locks.wait(self.turn, self.say)
        return self.turn


def test_tasks_wait_without_blocking_their_loop(folder):
    order = []

    async def call(name):
        turn = await Awaited(folder)
        order.append(f"{name} begins")
        await asyncio.sleep(0.2 if name == "first" else 0)
        order.append(f"{name} ends")
        turn.release(True)

    async def beside():
        await asyncio.sleep(0.05)
        order.append("beside")

    async def main():
        await asyncio.gather(call("first"), call("second"), beside())

    asyncio.run(main())
    assert order == ["first begins", "beside", "first ends", "second begins", "second ends"]


def test_a_turn_that_is_free_does_not_suspend(folder):
    coroutine = Awaited(folder).__await__()
    with pytest.raises(StopIteration) as done:
        next(coroutine)
    done.value.value.release(True)


def test_a_task_does_not_wait_for_the_task_that_waits_for_it(folder):
    async def call(depth):
        turn = await Awaited(folder)
        if depth:
            await asyncio.gather(call(depth - 1), call(depth - 1))
        turn.release(True)

    asyncio.run(asyncio.wait_for(call(2), 10))
    assert not locks._table


def test_a_cancelled_waiter_leaves_the_others_alone(folder):
    async def call():
        turn = await Awaited(folder)
        await asyncio.sleep(0.2)
        turn.release(True)
        return True

    async def main():
        tasks = [asyncio.ensure_future(call()) for _ in range(3)]
        await asyncio.sleep(0.05)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = asyncio.run(main())
    assert (first, type(second), third) == (True, asyncio.CancelledError, True)
    assert not locks._table


def test_a_task_waits_for_a_thread_and_for_a_process(folder):
    other = process(folder, "t = take(); print('has it', flush=True); time.sleep(1.5); t.release(True)")
    assert other.stdout.readline() == "has it\n"
    told = []

    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.05)
                ticks += 1

        ticking = asyncio.ensure_future(tick())
        turn = await Awaited(folder, say=told.append)
        turn.release(True)
        ticking.cancel()
        return ticks

    assert asyncio.run(main()) > 10
    assert told == [f"waiting for process {other.pid}, which is computing the same call"]
    other.communicate()


def test_a_synchronous_place_does_not_wait_for_a_task_of_its_own_thread(folder):
    async def call():
        turn = await Awaited(folder)
        await asyncio.sleep(0.1)
        turn.release(True)

    async def main():
        task = asyncio.ensure_future(call())
        await asyncio.sleep(0.05)
        locks._current.set(None)
        take(folder).release(True)
        await task

    asyncio.run(main())
    assert left(folder) == []
