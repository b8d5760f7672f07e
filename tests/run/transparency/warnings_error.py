# flags: -W error
# entries: 1
import warnings


def careless(n):
    if n:
        warnings.warn("careless", DeprecationWarning, stacklevel=2)
    return n


print(careless(0))  # @devstash
print(careless(1))  # @devstash
