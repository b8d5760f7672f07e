# coding: utf-8
x = "é".upper()  # @devstash
print(ascii(x))
