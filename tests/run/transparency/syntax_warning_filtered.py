# flags: -W ignore
x = len("\d")  # @devstash
print(x is 2, (1)is 1)
