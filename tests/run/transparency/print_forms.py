import logging
import pprint
import sys
import warnings
from pprint import pp


def f(n):
    return {"n": n}


print(f(1), f(2), sep="\n", end="!\n", file=sys.stdout, flush=True)  # @devstash
pprint.pprint(f(3))  # @devstash
pp(f(4))  # @devstash
sys.stdout.write(str(f(5)) + "\n")  # @devstash
sys.stderr.write("%s\n" % f(6))  # @devstash
warnings.warn(str(f(7)))  # @devstash
logging.warning("%s", f(8))  # @devstash
print("done")
