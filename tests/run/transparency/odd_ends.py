print("x")
x = len("abc")  # @devstash
later = """
# @devstash no marker: inside a string
"""
print(later)
\

print(\
    x)


   
# the end # not @devstashed