# A seeded program draws the same numbers whether or not devstash looks on.
import random

random.seed(5)
a = random.random()
x = len("abc")  # @devstash
b = random.random()
print(a, b, random.Random(3).random())  # @devstash
