# The default filter shows a warning once for each place, and __warningregistry__ is the script's.
import warnings


def careless(n):
    warnings.warn("careless", stacklevel=2)
    return n


for i in range(3):
    careless(i)  # @devstash refresh
careless(9)  # @devstash refresh
print(sorted(key[2] for key in __warningregistry__ if isinstance(key, tuple)))
