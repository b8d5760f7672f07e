# args: one --ttl -h -- "" "two words" --help -v ä
import sys

x = len("abc")  # @devstash
print(x, sys.argv)
print(getattr(sys, "orig_argv", None))
