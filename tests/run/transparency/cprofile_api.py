# Profiling a function that does not itself hold a marked line.
import cProfile
import io
import pstats


def f(n):
    return n + 1


x = f(1)  # @devstash
profile = cProfile.Profile()
profile.runcall(f, 2)
out = io.StringIO()
stats = pstats.Stats(profile, stream=out)
print(x, sorted(key[2] for key in stats.stats if "lsprof" not in key[2]))
