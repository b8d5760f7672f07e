# env: PYTHONPATH={folder}/lib
# env: PYTHONWARNINGS=error::DeprecationWarning
# env: PYTHONDONTWRITEBYTECODE=1
# env: PYTHONIOENCODING=latin-1
# file: helper.py
import os
import sys

import helper

x = helper.double("é")  # @devstash
print(x, [os.path.relpath(p) for p in sys.path[:2]], sys.warnoptions, sys.dont_write_bytecode, sys.stdout.encoding)
print(os.path.exists("__pycache__"))
