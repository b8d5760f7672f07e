def f(n): return n * 2
a = 1; b = f(a); c = f(b); print(a, b, c)  # @devstash
if a: d = f(7); print(d)  # @devstash
for i in (1, 2): print(f(i)); print("-")  # @devstash
class C: x = f(1); y = 2
while a < 3: a = a + 1; print(f(a))  # @devstash
try: f(1); f("x", "y")  # @devstash
finally: print("done", f(3))  # @devstash
