"""The operating system and the clock as they were before the script's first line.

Tests and mocks put their own functions into `os` and `time` (freezegun, pyfakefs, a plain assignment). What the
script does to them is its own affair: entries are written to the real disk and judged by the real clock. So the
runtime takes its `os` from here, also in modules that are imported late.
"""

from __future__ import annotations

import os as _os
from time import gmtime, time, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os as os
else:
    os = type(_os)("os")
    os.__dict__.update(_os.__dict__)

__all__ = ["gmtime", "os", "time", "time_ns"]
