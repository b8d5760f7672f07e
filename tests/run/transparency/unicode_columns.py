# Carets stand under the right characters after wide and combining ones.
# entries: 1
import traceback


def größe(n):
    return 1 // n


日本 = "日本"; x = größe(1)  # @devstash
try:
    日本 = "日本é" + größe(0)  # @devstash
except ZeroDivisionError:
    traceback.print_exc()
print(x, "𝒳", größe(0))  # @devstash
