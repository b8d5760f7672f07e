def f(a,
      b):
    return a + b


x = f(1,  # @devstash
      2)
text = """one
two"""
print(x, repr(text), text.upper())  # @devstash
y = 1 + \
    f("a", 1)  # @devstash
