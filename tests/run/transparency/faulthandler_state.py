import faulthandler
import sys

x = len("abc")  # @devstash
print(x, faulthandler.is_enabled(), sys.flags, sys.implementation.name, sys.float_repr_style)
print(sys.int_info, sys.hash_info.width, sys.getfilesystemencoding(), sys.getdefaultencoding())
print(sys.dont_write_bytecode, sys.tracebacklimit if hasattr(sys, "tracebacklimit") else None)
