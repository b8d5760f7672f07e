# flags: -u
import os
import sys

print("one", end="")
os.write(1, b"two")
x = len("abc")  # @devstash
print("three", end="")
os.write(1, b"four\n")
print(x, sys.stdout.write_through, sys.flags)
