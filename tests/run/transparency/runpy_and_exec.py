# Code that the script itself compiles or runs is left alone.
# file: helper.py
import runpy

source = "y = 3  # @devstash\nprint('ran', y, __name__)\n"
exec(compile(source, "<made>", "exec"), {"__name__": "made"})
names = runpy.run_path("helper.py")
x = names["double"](2)  # @devstash
print(x, eval("x + 1"))
