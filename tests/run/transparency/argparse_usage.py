# args: --nope
# entries: 1
"""Prints usage."""
import argparse

x = len("abc")  # @devstash
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--count", type=int)
print(x)
parser.parse_args()
