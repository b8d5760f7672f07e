# entries: 0
def f():
    x = len("abc")  # @devstash
      y = 2
