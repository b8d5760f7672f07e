# entries: 0
x = len("abc")  # @devstash
text = 'never closed
