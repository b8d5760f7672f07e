# The text and the carets of errors from within an f-string.
def f(n):
    return 1 // n


print(f"{f(1)}")  # @devstash
import traceback

try:
    text = f"before {f(0)} after"  # @devstash
except ZeroDivisionError:
    traceback.print_exc()
text = (
    "first "
    f"{f(1)} second "
    f"{f(0)!r:>{f(1)}} third"
)  # @devstash
