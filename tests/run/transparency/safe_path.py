# python: >=3.11
# flags: -P -E
import sys

x = len("abc")  # @devstash
print(x, sys.path, sys.flags.safe_path)
