def f(n):
    return n


x = f(3)  # @devstash
raise ValueError("outside of a marked call %d" % x)
