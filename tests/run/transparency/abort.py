import os

x = len("abc")  # @devstash
print(x, flush=True)
os.abort()
