# flags: -O -X dev -W ignore
# args: -O s.py
import sys

x = len("abc")  # @devstash
print(x, sys.argv, getattr(sys, "orig_argv", None), sys.flags, sys._xoptions, sys.warnoptions)
