"""Whoever asks for a call that is under way gets its result: threads, tasks, workers of pools, other runs."""

import signal
import subprocess
import time

import pytest

# Written to a descriptor that was opened before, so that no file is among what a call reads and writes.
HEAD = """
import os, sys, time
os.dup2(os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), 99)

def log(line):
    os.write(99, (line + "\\n").encode())

"""


def write(stash, text, name="s.py"):
    stash.write(name, "")
    (stash.folder / name).write_text(HEAD + "\n".join(line[4:] for line in text.split("\n")))


def start(stash, *argv, **keywords):
    return subprocess.Popen(
        stash.argv(*argv, **keywords),
        cwd=stash.folder,
        env=stash.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(stash, line):
    for _ in range(400):
        if line in stash.executions():
            return
        time.sleep(0.05)
    raise AssertionError(f"{line} was not logged: {stash.executions()}")


SLOW = """
    def work(x):
        log(f"work {x}")
        time.sleep(0.5)
        return [x]

    def ask(x):
        return work(x)  # @devstash
"""


def test_threads(stash):
    text = """
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(6) as pool:
        print(list(pool.map(ask, [1, 1, 1, 1, 2, 2])))
    """
    write(stash, SLOW + text)
    assert stash.ok("s.py") == "[[1], [1], [1], [1], [2], [2]]\n"
    assert sorted(stash.executions()) == ["work 1", "work 2"]
    assert not list((stash.cache / ".locks").iterdir())


def test_threads_get_values_of_their_own(stash):
    text = """
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(ask, [1, 1])
    one.append(2)
    print(one, two)
    """
    write(stash, SLOW + text)
    assert stash.ok("s.py") == "[1, 2] [1]\n"
    assert stash.executions() == ["work 1"]


ASYNC = """
    import asyncio

    async def work(x):
        log(f"work {x}")
        await asyncio.sleep(0.3)
        return [x]

    async def ask(x):
        return await work(x)  # @devstash

    async def guarded(x):  # @devstash
        log(f"guarded {x}")
        await asyncio.sleep(0.3)
        return (await work(x))[0]

"""


def test_gathered_tasks(stash):
    text = """
    async def main():
        print(await asyncio.gather(ask(1), ask(1), ask(2), guarded(3), guarded(3)))

    asyncio.run(main())
    """
    write(stash, ASYNC + text)
    first = stash.ok("s.py")
    assert first == "[[1], [1], [2], 3, 3]\n"
    assert sorted(stash.executions()) == ["guarded 3", "work 1", "work 2", "work 3"]
    assert stash.ok("s.py") == first
    assert len(stash.executions()) == 4


def test_an_await_without_a_wait_keeps_the_order_of_tasks(stash):
    text = """
    async def quick(x):
        log(f"quick {x}")
        return x

    async def site(x):
        print("before", x)
        y = await quick(x)  # @devstash
        print("after", y)

    async def main():
        await asyncio.gather(site(1), site(2))

    asyncio.run(main())
    """
    write(stash, ASYNC + text)
    plain = stash.plain("s.py").stdout
    assert plain == "before 1\nafter 1\nbefore 2\nafter 2\n"
    assert stash.twice("s.py") == plain


def test_a_cancelled_task_hands_over_its_turn(stash):
    text = """
    async def main():
        first = asyncio.ensure_future(ask(1))
        await asyncio.sleep(0.1)
        rest = [asyncio.ensure_future(ask(1)) for _ in range(3)]
        await asyncio.sleep(0.1)
        first.cancel()
        print(await asyncio.gather(first, *rest, return_exceptions=True))

    asyncio.run(main())
    """
    write(stash, ASYNC + text)
    assert stash.ok("s.py") == "[CancelledError(''), [1], [1], [1]]\n"
    assert stash.executions() == ["work 1", "work 1"]


def test_a_cancelled_waiter(stash):
    text = """
    async def main():
        tasks = [asyncio.ensure_future(ask(1)) for _ in range(3)]
        await asyncio.sleep(0.1)
        tasks[1].cancel()
        print(await asyncio.gather(*tasks, return_exceptions=True))
        print(await ask(1))

    asyncio.run(main())
    """
    write(stash, ASYNC + text)
    assert stash.ok("s.py") == "[[1], CancelledError(''), [1]]\n[1]\n"
    assert stash.executions() == ["work 1"]


def test_recursion_and_nesting(stash):
    text = """
    def fib(n):  # @devstash
        log(f"fib {n}")
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    def depth(n):  # @devstash ignore=n
        return 0 if not n else depth(n - 1) + 1

    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(4) as pool:
        print(list(pool.map(fib, [8, 8, 7, 6])), depth(3))
    """
    write(stash, text)
    assert stash.ok("s.py") == "[21, 21, 13, 8] 3\n"
    assert sorted(stash.executions()) == [f"fib {n}" for n in range(9)]


def test_a_call_that_raises_lets_the_others_try(stash):
    text = """
    def fail(x):
        log("fail")
        time.sleep(0.2)
        raise ValueError(x)

    def ask(x):
        try:
            return fail(x)  # @devstash
        except ValueError as error:
            return str(error)

    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(4) as pool:
        print(list(pool.map(ask, [1] * 4)))
    """
    write(stash, text)
    assert stash.ok("s.py") == "['1', '1', '1', '1']\n"
    assert stash.executions() == ["fail"] * 4


POOL = """
    def main():
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        context = multiprocessing.get_context(sys.argv[1])
        with context.Pool(3) as pool:
            print(pool.map(ask, [1, 1, 1], chunksize=1))
        with ProcessPoolExecutor(3, mp_context=context) as pool:
            print(list(pool.map(ask, [1, 2, 2])))
        process = context.Process(target=show, args=(3,))
        process.start()
        process.join()
        print(process.exitcode)

    def show(x):
        print(ask(x), sys.argv, os.path.basename(__file__), flush=True)

    if __name__ == "__main__":
        main()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers(stash, method):
    write(stash, SLOW + POOL)
    plain = stash.plain("s.py", method)
    assert plain.status == 0, plain
    stash.forget()
    first = stash.run("s.py", method)
    assert (first.status, first.stdout) == (0, plain.stdout), first
    assert sorted(stash.executions()) == ["work 1", "work 2", "work 3"]
    second = stash.run("s.py", method)
    assert (second.status, second.stdout) == (0, plain.stdout), second
    assert len(stash.executions()) == 3


def test_a_worker_that_finds_another_script_reads_it_plainly(stash):
    text = """
    def main():
        import multiprocessing
        text = open("s.py").read()
        open("s.py", "w").write(text.replace("[x]", "(x,)"))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.map(ask, [1]))

    if __name__ == "__main__":
        main()
    """
    write(stash, SLOW + text)
    assert stash.run("s.py").stdout == "[(1,)]\n"


def test_workers_of_workers_and_another_folder(stash):
    text = """
    import multiprocessing

    def inner(x):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.map(ask, [x])

    def outer(x, pipe):
        pipe.send(inner(x))

    if __name__ == "__main__":
        os.makedirs("elsewhere", exist_ok=True)
        os.chdir("elsewhere")
        receiver, sender = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=outer, args=(1, sender))
        process.start()
        print(receiver.recv())
        process.join()
    """
    write(stash, SLOW + text)
    for _ in range(2):
        assert stash.run("s.py").stdout == "[[1]]\n"
        assert stash.executions("elsewhere/log") == ["work 1"]
        assert not (stash.folder / "elsewhere" / ".devstash_cache").exists()


def test_without_cache_workers_are_plain(stash):
    write(stash, SLOW + POOL)
    assert stash.run("s.py", "spawn", options=["--no-cache"]).status == 0
    assert not stash.cache.exists()
    assert len(stash.executions()) == 7


def test_separate_runs(stash):
    write(stash, SLOW + "    print(ask(1))\n")
    runs = [start(stash, "s.py") for _ in range(6)]
    for run in runs:
        printed, said = run.communicate(timeout=60)
        assert (printed, run.returncode) == ("[1]\n", 0), said
    assert stash.executions() == ["work 1"]
    assert not list((stash.cache / ".locks").iterdir())


def test_who_waits_says_for_whom_after_a_second(stash):
    write(stash, SLOW.replace("0.5", "3") + "    print(ask(1))\n")
    first = start(stash, "s.py")
    wait_for(stash, "work 1")
    second = start(stash, "s.py")
    assert first.communicate(timeout=60) == ("[1]\n", "")
    printed, said = second.communicate(timeout=60)
    assert printed == "[1]\n"
    assert said.count("\n") == 1
    assert said.startswith("devstash: s.py:")
    assert said.endswith(f": waiting for process {first.pid}, which is computing the same call\n")
    assert stash.executions() == ["work 1"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_holder_that_ends_blocks_nobody(stash, how):
    write(stash, SLOW.replace("0.5", "1.5") + "    print(ask(1))\n")
    first = start(stash, "s.py")
    wait_for(stash, "work 1")
    others = [start(stash, "s.py") for _ in range(3)]
    time.sleep(0.5)
    first.send_signal(how)
    first.communicate(timeout=60)
    for other in others:
        assert other.communicate(timeout=60)[0] == "[1]\n"
    assert stash.executions() == ["work 1", "work 1"]


def test_ctrl_c_while_waiting(stash):
    write(stash, SLOW.replace("0.5", "3") + "    print(ask(1))\n")
    first = start(stash, "s.py")
    wait_for(stash, "work 1")
    second = start(stash, "s.py")
    time.sleep(1)
    second.send_signal(signal.SIGINT)
    _, said = second.communicate(timeout=5)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert first.communicate(timeout=60)[0] == "[1]\n"


def test_a_forked_child_inside_of_a_call(stash):
    text = """
    def work(x):
        log("work")
        pid = os.fork()
        if not pid:
            time.sleep(0.2)
            os._exit(0)
        os.waitpid(pid, 0)
        return x

    print(work(1))  # @devstash
    """
    write(stash, text)
    for _ in range(2):
        outcome = stash.run("s.py")
        assert (outcome.stdout, outcome.status) == ("1\n", 0), outcome
    assert not list((stash.cache / ".locks").iterdir())


def test_a_pool_inside_of_a_call_may_ask_for_the_same_call(stash):
    text = """
    import concurrent.futures, multiprocessing

    def walk(depth, how):  # @devstash ignore=depth,how
        log(f"walk {depth}")
        if not depth:
            return 1
        if how == "threads":
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                return sum(pool.map(walk, [depth - 1], [how]))
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(how)) as pool:
            return sum(pool.map(walk, [depth - 1], [how]))

    if __name__ == "__main__":
        print(walk(1, sys.argv[1]))
    """
    for how in ("threads", "fork", "spawn"):
        stash.forget()
        write(stash, text)
        outcome = stash.run("s.py", how, timeout=30, options=["--cache-dir", how])
        assert (outcome.stdout, outcome.status) == ("1\n", 0), outcome
        assert stash.executions() == ["walk 1", "walk 0"], how


def test_first_calls_of_many_threads(stash):
    """All of them load what a miss needs at the same time, and none of them works with half of it."""
    stash.write(
        "s.py",
        """
        import sys, threading
        sys.setswitchinterval(1e-6)
        def work(i):
            with open(f"in{i}.txt") as file:
                return file.read()
        def run(i):
            barrier.wait()
            found[i] = work(i)  # @devstash
        barrier = threading.Barrier(8)
        found = {}
        threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print([found[i] for i in range(8)])
        """,
    )
    for edition in range(4):
        for i in range(8):
            stash.write(f"in{i}.txt", f"{edition} {i} " + "x" * edition)
        expected = str([f"{edition} {i} " + "x" * edition for i in range(8)]) + "\n"
        for _ in range(2):
            assert stash.ok("s.py") == expected
