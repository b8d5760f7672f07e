class Meta(type):
    def __new__(mcls, name, bases, namespace, **kwargs):
        print("making", name, sorted(k for k in namespace if k != "__static_attributes__" and k != "__firstlineno__"), kwargs)
        return super().__new__(mcls, name, bases, namespace)

    def __call__(cls, *args):
        print("calling", cls.__name__)
        return super().__call__(*args)


class Thing(metaclass=Meta, option=len("ab")):
    x = len("abc")  # @devstash

    def __init_subclass__(cls, **kwargs):
        print("subclass", cls.__name__, kwargs)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        print("getattr", name)
        return lambda n: n + 1


class Sub(Thing, flag=1):
    pass


def f(n):
    return n


thing = Thing()
print(Thing.x, f(1))  # @devstash
