"""The program that the launcher starts to have a script rewritten; what it does is in prepare.py.

It is this short because Python never keeps the byte-code of the file that it is started with.
"""

import os
import sys

PACKAGE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(PACKAGE))

try:
    from devstash.prepare import main
except Exception:  # byte-code of ours is broken, after a power cut perhaps: the sources will do
    kept = os.path.join(PACKAGE, "__pycache__")
    for name in os.listdir(kept):
        os.unlink(os.path.join(kept, name))
    for name in [name for name in sys.modules if name.partition(".")[0] == "devstash"]:
        del sys.modules[name]
    from devstash.prepare import main

main(sys.argv[1:])
