import gc
import sys
import weakref


class Node:
    pass


def make(n):
    node = Node()
    node.n = n
    return node


node = make(1)  # @devstash
ref = weakref.ref(node)
print(gc.isenabled(), gc.get_threshold(), ref().n)
del node
gc.collect()
print(ref(), gc.garbage, sys.getrefcount(ref) < 5)
