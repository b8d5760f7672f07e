# flags: -O
def f(n):
    assert n == 0
    return n


assert f(1)  # @devstash
x = f(2)  # @devstash
print(x, __debug__)
if __debug__:
    print("never")
