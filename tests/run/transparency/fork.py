import os
import sys


def f(n):
    return n + 1


x = f(1)  # @devstash
sys.stdout.flush()
pid = os.fork()
if pid == 0:
    y = f(2)  # @devstash
    print("child", x, y)
    sys.exit(5)
_, status = os.waitpid(pid, 0)
print("parent", x, os.WEXITSTATUS(status), f(3))  # @devstash
