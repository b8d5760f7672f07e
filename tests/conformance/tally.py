"""Counts true executions. The runner puts this file beside each scenario's script.

A line is written to descriptor 9, which the runner has opened before Python starts: no file is opened, named or read
here, so that systems which trace files, forbid appending to them or put them back do not mistake the count for an
effect of the program. Where the descriptor is gone (a system that runs calls in a child process), a named pipe with a
number is left behind instead; creating one is nothing that such systems track either.
"""

import os

_ASIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "tally.d")


def ran(name):
    """Say that the body of a marked call was truly executed."""
    try:
        os.write(9, (name + "\n").encode())
    except OSError:
        for number in range(1000):
            try:
                os.mkfifo(os.path.join(_ASIDE, "%03d %s" % (number, name)))
                return
            except FileExistsError:
                pass
