# env: MY_VARIABLE=set
# env: PYTHONHASHSEED=7
import os
import sys

x = os.environ["MY_VARIABLE"].upper()  # @devstash
print(x, sorted(name for name in os.environ), hash("abc"), sys.flags.hash_randomization)
