# file: helper.py
import os
import sys

import helper

x = helper.double(2)  # @devstash
print(x, sys.dont_write_bytecode, os.listdir("__pycache__"), sys.pycache_prefix, helper.__cached__ == helper.__spec__.cached)
