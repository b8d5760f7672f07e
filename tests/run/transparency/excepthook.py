# file: helper.py
import sys
import traceback

import helper


def hook(kind, value, tb):
    print(kind.__name__, value)
    while tb:
        print(tb.tb_lineno, tb.tb_frame.f_code.co_name, tb.tb_frame.f_code.co_filename)
        tb = tb.tb_next


sys.excepthook = hook
x = helper.double(1)  # @devstash
helper.fail(x)  # @devstash
