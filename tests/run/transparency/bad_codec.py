# entries: 0
# coding: no-such-codec
x = len("abc")  # @devstash
