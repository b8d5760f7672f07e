# entries: 0
def f(a, b, *rest, **more):
    if b:
        raise KeyError(b)
    return a


value = f(  # @devstash
    1,
    b=(
        "two"
    ),
    c={
        "three": 3,
    },
)
