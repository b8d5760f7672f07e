name = "café"
x = len(name)  # @devstash
print(ascii(name), x)
x / len("")  # @devstash
