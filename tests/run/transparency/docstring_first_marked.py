# @devstash
x = len("the first statement is marked")
print(x, __doc__, __file__)
