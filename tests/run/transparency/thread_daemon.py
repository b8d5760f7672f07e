import threading
import time

x = len("abc")  # @devstash
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print(threading.enumerate()[0].name, x)
