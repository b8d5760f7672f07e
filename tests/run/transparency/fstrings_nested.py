# python: >=3.12
def f(n):
    return n * 2


names = {"k": "v"}
print(f"{f("quoted")} {names["k"]} {f"{f(f"{1}")}"}")  # @devstash
x = f"{
    f(  # @devstash
        3
    )
}"
y = f"{'\n'.join([f("a"), f("b")])}"  # @devstash
print(x, y)
f"{f(1):{f("a", 2)}}"  # @devstash
