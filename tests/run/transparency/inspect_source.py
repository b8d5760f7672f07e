import inspect
import linecache


def f(n):
    # A comment inside.
    y = len(str(n))  # @devstash
    return y


class C:
    value = len("abc")  # @devstash

    def method(self):
        return f(1)  # @devstash


def marked(n):  # @devstash
    """Doc."""
    return n


fn = lambda n: f(n)  # @devstash
print(inspect.getsource(f), inspect.getsource(C), inspect.getsource(C.method), inspect.getsource(marked))
print(inspect.getsource(fn), inspect.getsourcelines(f)[1], inspect.getsourcefile(f), inspect.getfile(C))
print(inspect.signature(marked), inspect.getdoc(marked), inspect.getcomments(f), inspect.getmodule(f))
print(linecache.getline(__file__, 7), f(22), C().method(), marked(3), fn(4))
