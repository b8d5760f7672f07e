# entries: 0
import sys


def leave(code):
    print("leaving")
    sys.exit(code)


x = leave(7)  # @devstash
print("not reached")
