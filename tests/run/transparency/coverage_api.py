import coverage

cov = coverage.Coverage(data_file=None, branch=True, messages=False)
cov.start()


def f(n):
    if n:
        return 1
    return 2


def g(n):
    x = f(n)  # @devstash refresh
    if x == 1:
        print("one")
    else:
        print("two")
    return [
        f(i)  # @devstash refresh
        for i in range(2)
    ]


def never():
    return f(3)  # @devstash


g(1)
cov.stop()
_, statements, excluded, missing, formatted = cov.analysis2(__file__)
print(statements, excluded, missing, formatted)
print(sorted(cov.get_data().arcs(__file__)))
