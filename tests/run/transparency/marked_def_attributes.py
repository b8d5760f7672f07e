import inspect
import pickle


def marked(a, b=2, *args, c, d=4, **kwargs):  # @devstash
    """The doc."""
    return a, b, args, c, d, sorted(kwargs.items())


marked.attribute = "kept"
print(marked.__name__, marked.__qualname__, marked.__doc__, marked.__defaults__, marked.__kwdefaults__, marked.__module__)
print(inspect.signature(marked), inspect.isfunction(marked), type(marked), marked.attribute, callable(marked))
print(marked.__code__.co_varnames, marked.__code__.co_argcount, marked.__code__.co_firstlineno, marked.__code__.co_name)
print(pickle.loads(pickle.dumps(marked)) is marked, repr(marked).split(" at ")[0])
print(marked(1, c=3), marked(1, 2, c=3), marked(1, 2, 5, 6, c=7, e=8))
try:
    marked()
except TypeError as error:
    print(error)
try:
    marked(1, c=2, a=3)
except TypeError as error:
    print(error)


class C:
    def method(self, n):  # @devstash
        """Doc of the method."""
        return n

    @classmethod
    def make(cls, n):  # @devstash
        return cls.__name__, n

    @property
    def size(self):  # @devstash
        return 3

    def __len__(self):  # @devstash
        return 5


c = C()
print(c.method(1), C.method(c, 1), C.make(2), c.size, len(c), C.method.__qualname__, inspect.getdoc(C.method))
marked(c=1, *(), **{"a": 1, "z": object})
try:
    marked(1)
except TypeError:
    import traceback

    traceback.print_exc()
marked(1, 2, c=lambda: 0, d=3 / 0)
