import os
import signal

x = len("abc")  # @devstash
print("about to end", x, flush=True)
os.kill(os.getpid(), signal.SIGTERM)
