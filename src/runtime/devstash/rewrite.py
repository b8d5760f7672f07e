"""The program that the launcher starts to have a script rewritten; all it does is in prepare.py, whose byte-code is kept."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from prepare import main

main(sys.argv[1:])
