def f(n):
    return n + 1


def squares(n):
    for i in range(n):
        yield f(i)  # @devstash


def delegating(n):
    result = yield from squares(n)
    print("result", result)
    received = yield f(100)  # @devstash
    print("received", received)
    try:
        yield f(200)  # @devstash
    except KeyError as error:
        print("caught", error)
        yield "caught"
    finally:
        print("closing", f(300))  # @devstash
    return f(400)


gen = delegating(2)
print(next(gen), next(gen), next(gen), gen.send("sent"), gen.throw(KeyError("thrown")))
gen.close()
print(gen.gi_frame, sum(squares(5)), list(x for x in squares(3) if f(x) > 2))
print(list(map(f, squares(2))))
