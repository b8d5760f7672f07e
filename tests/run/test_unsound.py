"""A call that does more than return a value of its own: what it did is brought about by a hit, or it is not kept."""

import pytest

EFFECTS = {
    "returns_a_global": "L = [1]\ndef f(): return L\na = f()  # @devstash\na.append(3)\nprint(L, a is L)",
    "returns_part_of_a_global": "D = {'k': [1]}\ndef f(): return D['k']\na = f()  # @devstash\na.append(3)\nprint(D)",
    "changes_a_global": "D = {'n': 0}\ndef f():\n    D['n'] += 1\n    return 1\na = f()  # @devstash\nprint(D)",
    "binds_a_global": "G = 0\ndef f():\n    global G\n    G = 5\n    return 1\na = f()  # @devstash\nprint(G)",
    "binds_a_new_global": "def f():\n    global G\n    G = 5\n    return 1\na = f()  # @devstash\nprint(G)",
    "unbinds_a_global": "G = 0\ndef f():\n    global G\n    del G\na = f()  # @devstash\nprint('G' in globals())",
    "fills_a_global_once": (
        "C = None\ndef f():\n    global C\n    C = C or [1]\n    return len(C)\nprint(f())  # @devstash\nprint(C)"
    ),
    "changes_a_class": "class K:\n    n = 0\n    def __init__(self): K.n += 1\nk = K()  # @devstash\nprint(K.n)",
    "changes_a_closure": (
        "def outer():\n    n = 0\n    def f(x):\n        nonlocal n\n        n += x\n        return 1\n"
        "    r = f(3)  # @devstash\n    return r, n\nprint(outer())"
    ),
    "changes_a_default": "def f(x, seen=[]):\n    seen.append(x)\n    return 1\na = f(1)  # @devstash\nprint(f.__defaults__)",
    "changes_an_argument": "r = [1]\ndef f(r): r.append(2)\nf(r)  # @devstash\nprint(r)",
    "changes_a_nested_argument": "r = [[1]]\ndef f(r): r[0].append(2)\nf(r)  # @devstash\nprint(r)",
    "changes_a_key_of_a_dict": (
        "class K: pass\nk = K()\nd = {k: 1}\ndef f(d):\n    for k in d: k.name = 'x'\n"
        "f(d)  # @devstash\nprint(k.name, k in d)"
    ),
    "returns_a_key_of_a_dict": (
        "class K: pass\nk = K()\nd = {k: 1}\ndef f(d): return next(iter(d))\nx = f(d)  # @devstash\nprint(x is k, x in d)"
    ),
    "changes_a_list_in_a_dict_of_a_list": "r = [{'a': [1]}]\ndef f(r): r[0]['a'].append(2)\nf(r)  # @devstash\nprint(r)",
    "changes_its_receiver": (
        "class B:\n    def __init__(self): self.n = 0\n    def up(self):\n        self.n += 1\n        return 1\n"
        "b = B()\nx = b.up()  # @devstash\nprint(b.n)"
    ),
    "returns_its_receiver": (
        "class B:\n    def me(self): return self\nb = B()\nx = b.me()  # @devstash\nprint(x is b)"
    ),
    "returns_an_attribute": (
        "class B:\n    def __init__(self): self.items = []\n    def get(self): return self.items\n"
        "b = B()\nx = b.get()  # @devstash\nx.append(1)\nprint(b.items)"
    ),
    "returns_part_of_an_argument": (
        "r = [[1], [2]]\ndef f(r): return r[0]\nx = f(r)  # @devstash\nx.append(9)\nprint(r)"
    ),
    "wraps_an_argument": "r = [1]\ndef f(r): return {'rows': (r,)}\nx = f(r)  # @devstash\nx['rows'][0].append(9)\nprint(r)",
    "subscript": "d = {'k': [1]}\ne = d['k']  # @devstash\ne.append(2)\nprint(d)",
    "marked_def": "r = [[1]]\ndef f(r):  # @devstash\n    return r[0]\nx = f(r)\nx.append(9)\nprint(r)",
    "chain": "class B:\n    def a(self): return self\n    def b(self): return self\nb = B()\nx = b.a().b()  # @devstash\nprint(x is b)",
    "sentinel": "N = object()\ndef f(): return N\nprint(f() is N)  # @devstash",
    "uses_up_its_own_iterator": (
        "class I:\n    n = 0\n    def __iter__(self): return self\n    def __next__(self):\n        self.n += 1\n"
        "        if self.n > 3: raise StopIteration\n        return self.n\n"
        "i = I()\nprint(sum(i))  # @devstash\nprint(list(i))"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EFFECTS)
def test_what_a_call_did_is_brought_about(stash, case):
    stash.write("s.py", EFFECTS[case] + "\n")
    expected = stash.plain("s.py")
    outcomes = [stash.run("s.py", options=["-v"]) for _ in range(3)]
    for outcome in outcomes:
        assert (outcome.stdout, outcome.status) == (expected.stdout, expected.status)
        assert "not cached: " not in outcome.stderr
    assert "miss" not in outcomes[1].stderr and "hit" in outcomes[1].stderr


CASES = {
    "changes_an_element_of_a_set": (
        "class K: pass\nk = K()\ns = {k}\ndef f(s):\n    for k in s: k.name = 'x'\nf(s)  # @devstash\nprint(k.name)"
    ),
    "changes_an_element_of_a_frozenset": (
        "class K: pass\nk = K()\ns = frozenset([k])\ndef f(s):\n    for k in s: k.name = 'x'\n"
        "f(s)  # @devstash\nprint(k.name)"
    ),
    "changes_a_list_beside_others_in_a_loop_of_its_own": (
        "log = []\nclass Step:\n    def __await__(self): yield\n"
        "async def work(i):\n    log.append(i)\n    for _ in range(3 - i): await Step()\n    log.append(-i)\n    return [i]\n"
        "async def job(i):\n    x = await work(i)  # @devstash\n"
        "todo = [job(i) for i in range(3)]\nwhile todo:\n    one = todo.pop(0)\n    try:\n        one.send(None)\n"
        "        todo.append(one)\n    except StopIteration: pass\nprint(sorted(log))"
    ),
    "marked_def_with_nonlocal": (
        "def outer():\n    n = 0\n    def add(x):  # @devstash\n        nonlocal n\n        n += x\n        return 1\n"
        "    add(3)\n    return n\nprint(outer())"
    ),
    "runs_text": "K = 3\ndef f(e): return eval(e)\nprint(f('K + 1'))  # @devstash",
    "looks_at_frames": (
        "import sys\ndef f(): return sys._getframe(1).f_locals['v']\nv = 4\nprint(f())  # @devstash"
    ),
    "cannot_be_loaded": (
        "class B:\n    def __reduce__(self): return int, ('x',)\ndef f(): return B()\n"
        "x = f()  # @devstash\nprint(type(x).__name__)"
    ),
    "comes_back_as_another_type": (
        "class B:\n    def __reduce__(self): return int, ('3',)\ndef f(): return B()\n"
        "x = f()  # @devstash\nprint(type(x).__name__)"
    ),
    "odd_keywords": "d = dict(**{'1': [('a', 1)]})  # @devstash\nprint(d, dict([('a', 1)]))",
    "uses_up_an_iterator": "i = iter([1, 2, 3])\nn = next(i)  # @devstash\nprint(n, list(i))",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_a_hit_would_not_bring_about_is_not_kept(stash, case):
    stash.write("s.py", CASES[case] + "\n")
    expected = stash.plain("s.py")
    for _ in range(3):
        outcome = stash.run("s.py")
        assert (outcome.stdout, outcome.status) == (expected.stdout, expected.status)
        assert "s.py:" in outcome.stderr and "not cached: " in outcome.stderr


DIFFERENT = {
    "private_names": (
        "class C:\n    def m(self, cond):\n        __a = self.n\n        y = cond and __a * 2  # @devstash\n        return y\n"
        "c = C()\nfor c.n in (3, 4):\n    print(c.m(True))"
    ),
    "sys_argv": "import sys\ndef f(): return sys.argv[1:]\nprint(f())  # @devstash\nsys.argv.append('x')\nprint(f())  # @devstash",
    "threads_of_its_own": (
        "import threading\nclass J(threading.Thread):\n    def __init__(self, n):\n        super().__init__()\n"
        "        self.n = n\n    def go(self): return self.n * 2\nfor n in (1, 2, 3):\n    j = J(n)\n    print(j.go())  # @devstash"
    ),
    "an_argument_named_form": "def f(form): return form * 2\nprint(f('a'))  # @devstash\nprint(f('b'))  # @devstash",
    "constants_like_ours": "x = len('abc')  # @devstash\nprint(x, '@devstash file', '@devstash warns', '@devstash')",
}  # fmt: skip


@pytest.mark.parametrize("case", DIFFERENT)
def test_what_differs_is_told_apart(stash, case):
    stash.write("s.py", DIFFERENT[case] + "\n")
    expected = stash.plain("s.py")
    for _ in range(3):
        outcome = stash.run("s.py", options=["-q"])
        assert outcome.raw == expected.raw


def test_a_time_limit_by_signal_reaches_the_script(stash):
    stash.write(
        "s.py",
        """
        import signal
        class Late(Exception): pass
        class Slow:
            def __getstate__(self):
                signal.raise_signal(signal.SIGALRM)
                return {}
        def late(*args): raise Late
        signal.signal(signal.SIGALRM, late)
        def f(): return Slow()
        try:
            x = f()  # @devstash
            print("never late")
        except Late:
            print("late")
        """,
    )
    assert stash.run("s.py", options=["-q"]).stdout == "late\n"


def test_a_time_limit_by_signal_reaches_the_script_also_while_a_result_is_loaded(stash):
    stash.write(
        "s.py",
        """
        import signal, sys
        class Late(Exception): pass
        class Slow:
            def __setstate__(self, state):
                if sys.alarm:
                    sys.alarm = False
                    signal.raise_signal(signal.SIGALRM)
                self.__dict__.update(state)
        def late(*args): raise Late
        signal.signal(signal.SIGALRM, late)
        def f():
            slow = Slow()
            slow.n = 1
            return slow
        sys.alarm = False
        for n in range(3):
            try:
                x = f()  # @devstash
                print("in time")
            except Late:
                print("late")
            sys.alarm = sys.argv[1] == "limit"
        """,
    )
    assert stash.run("s.py", "none", options=["-q"]).stdout == "in time\n" * 3
    assert stash.run("s.py", "limit", options=["-q"]).stdout == "in time\nlate\nlate\n"


def test_what_cannot_be_loaded_again_never_takes_the_place_of_what_can(stash):
    text = "class B:\n    def __init__(self, n): self.n = n\n    def __reduce__(self): return B, (self.n,){}\n" + (
        "def f():\n    return B(1)\nx = f()  # @devstash key=1\nprint(x.n)\n"
    )
    stash.write("s.py", text.format(""))
    assert stash.ok("s.py") == "1\n"
    kept = {path.name: path.read_bytes() for path in stash.entries()}
    stash.write(
        "b.py",
        "import sys\nclass C:\n    def __reduce__(self): return int, (sys.argv[1],)\n"
        + ("def f():\n    return C()\nx = f()  # @devstash key=1 name=f\nprint('ran')\n"),
    )
    for _ in range(2):
        outcome = stash.run("b.py", "no number", options=["--refresh"])
        assert outcome.stdout == "ran\n" and "cannot be brought back" in outcome.stderr
        assert {path.name: path.read_bytes() for path in stash.entries()} == kept
    assert not list((stash.cache / ".tmp").iterdir())


def test_what_the_call_was_given_goes_when_it_should(stash):
    stash.write(
        "s.py",
        """
        def write(file):
            file.write("hello")
        write(open("out.txt", "w"))  # @devstash
        print(open("out.txt").read())
        """,
    )
    assert stash.run("s.py", options=["-q"]).stdout == "hello\n"


KEPT = {
    "a_copy": "r = [[1]]\ndef f(r):\n    log('f')\n    return [list(x) for x in r]\nx = f(r)  # @devstash",
    "what_cannot_be_changed": "t = (1, 'a', (2.0,))\ndef f(t):\n    log('f')\n    return t, t[2]\nx = f(t)  # @devstash",
    "a_path": "import pathlib\np = pathlib.Path('a')\ndef f(p):\n    log('f')\n    return {'p': p}\nx = f(p)  # @devstash",
    "an_enum": "import enum\nclass E(enum.Enum):\n    A = 1\ndef f(e):\n    log('f')\n    return [e]\nx = f(E.A)  # @devstash",
    "a_class": "class K: pass\ndef f(k):\n    log('f')\n    return [k]\nx = f(K)  # @devstash",
    "a_first_import": "def f(n):\n    import own\n    log('f')\n    return own.g(n)\nx = f(2)  # @devstash",
}


@pytest.mark.parametrize("case", KEPT)
def test_what_can_be_brought_back_is_kept(stash, case):
    stash.write("own.py", "C = [1]\ndef g(n):\n    return n * C[0]\n")
    stash.write("s.py", KEPT[case] + "\nprint(x)\n", log=True)
    first, second = stash.run("s.py"), stash.run("s.py")
    assert first.raw == second.raw and not first.stderr
    assert stash.executions() == ["f"]


def test_what_another_thread_does_while_a_result_is_proved_stays_done(stash):
    """The result of a thread's call is loaded once before it is kept: just then the main thread binds a name."""
    stash.write(
        "s.py",
        """
        import sys, threading
        class Slow:
            def __reduce__(self):
                return make, (1,)
        def make(n):
            sys.loads += 1
            if sys.loads == 1:
                sys.loading.set()
                sys.bound.wait(20)
            return Slow()
        sys.loads, sys.loading, sys.bound = 0, threading.Event(), threading.Event()
        def f(n):
            log("f")
            return Slow()
        def work():
            sys.got = f(1)  # @devstash
        thread = threading.Thread(target=work)
        thread.start()
        sys.loading.wait(20)
        stage = "later"
        sys.bound.set()
        thread.join()
        print(stage, type(sys.got).__name__)
        """,
        log=True,
    )
    for _ in range(2):
        outcome = stash.run("s.py")
        assert (outcome.stdout, outcome.stderr) == ("later Slow\n", "")
    assert stash.executions() == ["f"]


OF_THE_PROCESS = {
    "umask": "import os\ndef f(): os.umask(0o027)\nf()  # @devstash\nold = os.umask(0)\nprint(oct(old))",
    "time_zone": (
        "import os, time\ndef f():\n    os.environ['TZ'] = 'Etc/GMT-3'\n    time.tzset()\n"
        "f()  # @devstash\nprint(time.tzname, time.localtime(0).tm_hour)"
    ),
    "locale": (
        "import locale\ndef f(): return locale.setlocale(locale.LC_NUMERIC, 'C.UTF-8')\n"
        "f()  # @devstash\nprint(locale.setlocale(locale.LC_NUMERIC))"
    ),
    "recursion_limit": "import sys\ndef f(): sys.setrecursionlimit(2345)\nf()  # @devstash\nprint(sys.getrecursionlimit())",
    "signal_handler": (
        "import signal\ndef f(): signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
        "f()  # @devstash\nprint(signal.getsignal(signal.SIGUSR1))"
    ),
    "logger": (
        "import logging\ndef f(): logging.getLogger('a').setLevel(10)\nlogging.getLogger('a')\n"
        "f()  # @devstash\nprint(logging.getLogger('a').level)"
    ),
    "decimals": (
        "import decimal\ndef f(): decimal.getcontext().prec = 5\nf()  # @devstash\nprint(decimal.Decimal(1) / 3)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OF_THE_PROCESS)
def test_what_is_set_for_the_whole_process_is_set_every_time(stash, case):
    stash.write("s.py", OF_THE_PROCESS[case] + "\n")
    expected = stash.plain("s.py")
    assert expected.stdout and not expected.stderr
    for _ in range(2):
        outcome = stash.run("s.py")
        assert outcome.stdout == expected.stdout
        assert "not cached: the call changes " in outcome.stderr


LEFT_RUNNING = {
    "a_server": (
        "import http.server, threading\nclass Quiet(http.server.BaseHTTPRequestHandler): pass\n"
        "def f():\n    server = http.server.HTTPServer(('127.0.0.1', 0), Quiet)\n"
        "    threading.Thread(target=server.serve_forever, daemon=True).start()\n    return server.server_address[0]\n"
        "x = f()  # @devstash\nprint(x, threading.active_count())"
    ),
    "a_timer": (
        "import threading\ngo = []\ndef f():\n    threading.Timer(0.3, go.append, (1,)).start()\n    return 1\n"
        "x = f()  # @devstash\nfor t in threading.enumerate():\n    if t is not threading.main_thread(): t.join()\nprint(x, go)"
    ),
    "a_function": (
        "import threading\ngo = threading.Event()\ndef f():\n    threading.Thread(target=lambda: go.wait(9)).start()\n"
        "    return 1\nx = f()  # @devstash key=1\nprint(x, threading.active_count())\ngo.set()"
    ),
}


@pytest.mark.parametrize("case", LEFT_RUNNING)
def test_a_thread_that_is_left_running_is_started_every_time(stash, case):
    stash.write("s.py", LEFT_RUNNING[case] + "\n")
    expected = stash.plain("s.py")
    assert expected.stdout and not expected.stderr
    for _ in range(2):
        outcome = stash.run("s.py")
        assert outcome.stdout == expected.stdout
        assert "that it started is still running" in outcome.stderr


def test_a_time_limit_that_strikes_while_an_entry_is_opened(stash):
    """TimeoutError is an OSError, like those that say that an entry is not there."""
    stash.write(
        "s.py",
        """
        import signal, sys
        def late(*_):
            raise TimeoutError("late")
        signal.signal(signal.SIGALRM, late)
        def f(n):
            log("f")
            return n
        def strike(event, args):
            if armed and event == "open" and str(args[0]).endswith(".pkl"):
                armed.clear()
                signal.raise_signal(signal.SIGALRM)
        armed = []
        sys.addaudithook(strike)
        f(1)  # @devstash
        armed.append(1)
        try:
            f(2)  # @devstash
        except TimeoutError as error:
            print("in time", error)
        """,
        log=True,
    )
    for _ in range(2):
        outcome = stash.run("s.py")
        assert (outcome.stdout, outcome.stderr, outcome.status) == ("in time late\n", "", 0)
    assert stash.executions() == ["f"]


@pytest.mark.parametrize("strikes", ["while an entry is written", "while what the call read is looked at"])
def test_a_time_limit_that_strikes_after_the_call(stash, strikes):
    """The call is over, and its time limit is not: the script has to hear of it."""
    stash.write("data.txt", "1\n")
    stash.write(
        "s.py",
        """
        import os, signal, sys
        def late(*_):
            raise TimeoutError("late")
        signal.signal(signal.SIGALRM, late)
        def f(n):
            log("f")
            with open("data.txt") as file:
                file.read()
            armed.append(1)
            return [n]
        def strike(event, args):
            named = "/.tmp/" if sys.argv[1] == "while an entry is written" else "data.txt"
            if armed and event == "open" and named in str(args[0]):
                armed.clear()
                signal.raise_signal(signal.SIGALRM)
        armed = []
        sys.addaudithook(strike)
        try:
            f(1)  # @devstash
        except TimeoutError as error:
            print("in time", error)
        """,
        log=True,
    )
    outcome = stash.run("s.py", strikes)
    assert (outcome.stdout, outcome.stderr, outcome.status) == ("in time late\n", "", 0)


def test_what_a_package_puts_into_its_module_by_itself_is_no_change(stash):
    """An attribute of the script's own may be called like a module that the call is the first to import."""
    printed, first, second = stash.script_twice(
        """
        import xml
        class Reader:
            def read(self, text):
                log("read")
                from xml.dom import minidom
                self.dom = minidom.parseString(text).documentElement.tagName
                return self.dom
        reader = Reader()
        print(reader.read("<a/>"))  # @devstash
        print(reader.dom)
        """
    )
    assert (first, second) == (["read"], [])
