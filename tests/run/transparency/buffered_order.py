import os

print("printed first, flushed last")
os.write(1, b"written second, seen first\n")
x = len("abc")  # @devstash
os._exit(x)
