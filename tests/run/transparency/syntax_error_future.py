# entries: 0
x = len("abc")  # @devstash
from __future__ import annotations
