# A DeprecationWarning is shown by default when it points into __main__.
import warnings


def api(n):
    warnings.warn("api is old", DeprecationWarning, stacklevel=2)
    return n


api(1)  # @devstash refresh
x = [
    api(2),  # @devstash refresh
    3,
]
print(x)
