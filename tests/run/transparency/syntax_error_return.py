# entries: 0
x = len("abc")  # @devstash
return x
