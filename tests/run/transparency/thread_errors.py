# entries: 0
import threading


def f(n):
    return 1 // n


def work():
    f(0)  # @devstash


thread = threading.Thread(target=work, name="worker")
thread.start()
thread.join()
print("after")
