def f(n):
    return n * 2


name = "x"
print(f"{f(1)}")  # @devstash
print(f"{f(2)!r:>10}|{name}|{f(3):{f(2)}}|{{literal}}")  # @devstash
a = f"{name}" "and" f'{f(4)}' + "more"  # @devstash
b = f"""{
    f(5)
}"""  # @devstash
c = f"{f(6)=}"  # @devstash
d = f"{f(7) = !s:>5}"  # @devstash
e = rf"\d{f(8)}"  # @devstash
g = f"{(lambda n: f(n))(9)}"  # @devstash
h = f"{name!r}{[f(i) for i in range(2)]}{ {'k': f(1)}['k'] }"  # @devstash
print(a, b, c, d, e, g, h)
print("%s" % f"{f(10)}", "{}".format(f(11)))  # @devstash
f"{f('a', 'b')}"  # @devstash
