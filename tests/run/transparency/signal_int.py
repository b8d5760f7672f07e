import os
import signal
import time


def f(n):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
    return n


print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGPIPE), signal.getsignal(signal.SIGTERM))
x = len("abc")  # @devstash
f(x)  # @devstash
