# entries: 0
x = len("abc")  # @devstash
name = "café"
