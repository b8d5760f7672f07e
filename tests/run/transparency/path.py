# as: folder/inside.py
import os
import sys

x = len("abc")  # @devstash
print(x, sys.path, __file__, os.getcwd(), os.path.abspath(__file__))
print(sys.executable, sys.prefix, sys.base_prefix, sys.flags)
print(len(sys.meta_path), len(sys.path_hooks), sys.path_importer_cache.keys() >= {sys.path[-1]})
