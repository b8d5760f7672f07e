# The text of a traceback comes from the file as it is when the error is shown.
x = len("abc")  # @devstash
with open(__file__) as file:
    text = file.read()
with open(__file__, "w") as file:
    file.write(text.replace("x / 0", "x /  0  # changed"))
x / 0
