# file: helper.py
import warnings

import helper


def old(level):
    warnings.warn("old", DeprecationWarning, stacklevel=level)
    return level


warnings.simplefilter("always")
old(1)  # @devstash refresh
old(2)  # @devstash refresh
helper.complain(1)  # @devstash refresh
helper.complain(2)  # @devstash refresh
value = helper.complain(  # @devstash refresh
    level=2,
)


def around():
    return old(3)  # @devstash refresh


around()
print([old(2) for _ in range(1)])  # @devstash refresh
