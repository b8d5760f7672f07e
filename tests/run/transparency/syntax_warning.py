# Warnings that the compiler gives go to stderr on every run, as they do for a script.
import re

x = len("abc")  # @devstash
pattern = "\d+"
print(x is 3, re.findall(pattern, "a1b22"))
y = len("\w")  # @devstash
assert (x, "always true")
