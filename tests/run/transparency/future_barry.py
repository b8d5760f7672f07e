# entries: 0
from __future__ import barry_as_FLUFL

x = len("abc")  # @devstash
print(x <> 3)
print(x != 3)
