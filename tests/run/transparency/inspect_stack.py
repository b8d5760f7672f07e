# file: helper.py
# options: -q
# A call that looks at its callers is not cached, and says so.
import inspect
import sys
import traceback

import helper


def stack():
    return [(frame.function, frame.lineno, (frame.code_context or [""])[0].strip()) for frame in inspect.stack()]


def printed():
    traceback.print_stack(file=sys.stdout)
    return traceback.extract_stack()[0].line


def frames():
    found = []
    frame = sys._getframe()
    while frame:
        found.append((frame.f_code.co_name, frame.f_lineno, frame.f_code.co_filename))
        frame = frame.f_back
    return found


def nested():
    return stack()  # @devstash refresh


print(stack())  # @devstash refresh
print(printed())  # @devstash refresh
print(frames())  # @devstash refresh
print(nested())
print(nested())  # @devstash refresh
print(helper.caller_line(), helper.stack_names())  # @devstash refresh
print(
    helper.caller_line(),  # @devstash refresh
    [helper.caller_line() for _ in range(2)],
)
rows = [frames() for _ in range(1)]  # @devstash refresh
print(rows)


class Meter:
    def read(self):
        return frames()[1:]

    def marked(self):  # @devstash refresh
        return frames()[1:]


print(Meter().read())  # @devstash refresh
print(Meter().marked())
print(sys._getframe().f_lineno, inspect.currentframe().f_lineno)
