import os
import signal


def handler(number, frame):
    print("got", number, frame.f_code.co_name, frame.f_lineno)


def f(n):
    os.kill(os.getpid(), signal.SIGUSR1)
    return n


signal.signal(signal.SIGUSR1, handler)
f(1)  # @devstash refresh
print("after")
