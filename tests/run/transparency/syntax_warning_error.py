# flags: -W error
# entries: 0
x = len("abc")  # @devstash
print("\d", x)
