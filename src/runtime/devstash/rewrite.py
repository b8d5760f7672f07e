"""The program that the launcher starts to have a script rewritten; what it does is in prepare.py.

It is this short because Python never keeps the byte-code of the file that it is started with.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from devstash.prepare import main

main(sys.argv[1:])
