# flags: -I -S
import sys

x = len("abc")  # @devstash
print(x, sys.path, sys.flags, "site" in sys.modules)
