import io
import sys

x = len("abc")  # @devstash
for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream.isatty(), stream.encoding, stream.errors, stream.line_buffering, stream.fileno())
print(sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__, type(sys.stdout) is io.TextIOWrapper)
print(sys.getrecursionlimit(), sys.getswitchinterval(), sys.gettrace(), sys.getprofile())
print(sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__)
print("to stderr", file=sys.stderr)
