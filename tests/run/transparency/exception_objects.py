# The frames that a caught exception keeps, and their variables.
# entries: 0
import sys


def f(n):
    local = "kept"
    raise ValueError(n)


try:
    f(1)  # @devstash
except ValueError as error:
    frames = []
    tb = error.__traceback__
    while tb:
        names = sorted(tb.tb_frame.f_locals) if tb.tb_frame.f_code.co_name == "f" else []
        frames.append((tb.tb_frame.f_code.co_name, tb.tb_lineno, names))
        tb = tb.tb_next
    print(frames, sys.exc_info()[1] is error)
