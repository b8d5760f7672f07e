import builtins
import sys

x = len("abc")  # @devstash
print(sorted(name for name in dir(builtins) if name != "@devstash"))
print(x, [name for name in sys.modules["__main__"].__dict__ if "stash" in name.lower()])
print([name for name in __import__("os").environ if "STASH" in name])
