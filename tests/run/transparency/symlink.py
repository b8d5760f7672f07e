# as: -> bin/linked.py
# file: helper.py
import os
import sys

import helper

x = helper.double(4)  # @devstash
print(x, sys.argv, __file__, os.path.relpath(sys.path[0]), os.path.islink(__file__))
raise SystemExit(helper.fail(x))  # @devstash
