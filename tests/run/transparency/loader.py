# What the import system says of the main module.
import importlib.util
import sys

x = max(1, 2)  # @devstash
print(type(__loader__), __loader__.name, __loader__.path)
print(__loader__.get_filename("__main__"), __loader__.is_package("__main__"))
print(__loader__.get_source("__main__").splitlines()[0])
print(repr(sys.modules["__main__"]))
print(__spec__, importlib.util.find_spec("json").name)
try:
    importlib.util.find_spec("__main__")
except ValueError as error:
    print(error)
