# stdin: one\ntwo\nthree\n
import sys


def shout(text):
    return text.upper() + "!"


print(sys.stdin.isatty(), sys.stdin.encoding, sys.stdin.fileno(), sys.stdin.name)
print(shout(input()))  # @devstash
for line in sys.stdin:
    print(shout(line.strip()))  # @devstash
print(repr(sys.stdin.read()))
