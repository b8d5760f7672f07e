# entries: 0
x = len("abc")  # @devstash
print("never")
def f(:
    pass
