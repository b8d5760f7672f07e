"""How often hits open files of entries, seen by an audit hook: `opens.py N`."""

import os
import sys


def look_up(number):
    os.write(9, b".")
    return {"number": number, "name": "row %d" % number}


opened = []


def note(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".pkl"):
        opened.append(arguments[0])


count = int(sys.argv[1])
if sys.argv[2:]:
    sys.addaudithook(note)
for number in range(count):
    value = look_up(number)  # @devstash
print({"opens": len(opened), "entries": len(set(opened))})
