def f(a, b=0):
    return a + b


x = \
    f(1)  # @devstash
y = f(1, \
      2)  # @devstash
z = f(3) + \
    f(4) \
    + f(5)  # @devstash
assert f(1) == 1 and \
    f(2) == 2  # @devstash
if f(1) and \
   f(2):  # @devstash
    print(x, y, z)
with open(__file__) as one, \
     open(__file__) as two:
    print(len(one.readline()), f(1, \
        2))  # @devstash
f("a",  # @devstash
  \
  0)
